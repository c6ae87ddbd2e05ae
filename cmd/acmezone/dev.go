package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"syscall"
	"text/template"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// tryOut is what a newcomer pastes into another terminal, word for word; a test
// does the same.
var tryOut = template.Must(template.New("try-out").Parse(`
acmezone serves {{.Zone}} on this machine only. Ctrl-C ends it and forgets everything.
Paste these into another terminal.

Register, as an ACME client does once:

  curl -X POST http://{{.API}}/register

Set a value, as a client does for each certificate (this account is made already):

  curl http://{{.API}}/update -H 'X-Api-User: {{.Username}}' -H 'X-Api-Key: {{.Password}}' -d '{"subdomain": "{{.Subdomain}}", "txt": "{{.TXT}}"}'

Ask for it, as a certification authority does:

  dig @{{.DNS.Addr}} -p {{.DNS.Port}} +short {{.FullDomain}} TXT

See the whole zone, as a name server would read it:

  {{.Program}} zone --config {{.Config}}

`))

// printTryOut makes an account and prints lines that use it.
func printTryOut(ctx context.Context, w io.Writer, svc *service, program, config string) error {
	password := zone.NewPassword()
	account := zone.Account{
		Username: uuid.NewString(), Subdomain: uuid.NewString(), Password: zone.SecretOf(password), Comment: "for trying it out",
	}
	if err := svc.Do(ctx, zone.Register{Account: account}); err != nil {
		return err
	}
	return tryOut.Execute(w, map[string]any{
		"Zone": svc.cfg.Zone.Name, "API": svc.apiAddrs()[0], "DNS": svc.dnsAddrs()[0],
		"Username": account.Username, "Password": password, "Subdomain": account.Subdomain,
		"FullDomain": svc.definition().FullName(account.Subdomain), "TXT": exampleValue(),
		"Program": program, "Config": config,
	})
}

// avoidTakenPorts has the system pick ports where the usual ones are taken: a
// newcomer wants an answer, not a port.
func avoidTakenPorts(ctx context.Context, cfg *config.Config) error {
	for _, addrs := range [][]string{cfg.API.Listen, cfg.DNS.Listen} {
		for i, addr := range addrs {
			if _, ok := config.SocketPath(addr); ok {
				continue
			}
			free, err := isFree(ctx, addr)
			if err != nil {
				return err
			}
			if !free {
				host, _, _ := net.SplitHostPort(addr)
				addrs[i] = net.JoinHostPort(host, "0")
			}
		}
	}
	return nil
}

func isFree(ctx context.Context, addr string) (bool, error) {
	l, err := listenTCP(ctx, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return false, nil
	}
	if err != nil {
		return false, withHint(err)
	}
	return true, l.Close()
}

// exampleValue is as random as the digest that it stands for.
func exampleValue() string {
	digest := make([]byte, 32)
	rand.Read(digest) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(digest)
}
