package check

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/acmezone/acmezone/internal/zone"
)

// serviceSteps are the checks of the service on this machine.
func (c *checker) serviceSteps() []step {
	if c.Service == nil {
		return nil
	}
	steps := []step{
		{"service", c.Service.Socket, c.checkService},
		{"certificate", c.Service.Hostname, c.checkCertificate},
	}
	if c.Service.TLS == "acme" {
		steps = append(steps, step{"challenge", c.Service.Hostname, c.checkOwnChallenge})
	}
	return steps
}

// checkService looks for the service at its admin socket, then asks its API how it is.
func (c *checker) checkService(ctx context.Context) []Finding {
	f := Finding{Check: "service", Subject: c.Service.Socket}
	err := c.reachSocket(ctx)
	switch {
	case notRunning(err):
		f.Status, f.Message = Warning, "no service runs on this machine: nothing takes requests here"
		f.Fix = "systemctl start acmezone, or acmezone serve --config FILE"
		return []Finding{f, {Check: "health", Subject: c.apiURL(), Status: Skipped, Message: "no service runs"}}
	case errors.Is(err, syscall.EACCES):
		f.Status, f.Message = Skipped, "the admin socket may not be used by this user"
		f.Fix = "run it as root or as the service's user: sudo acmezone check"
	case err != nil:
		f.Status, f.Message, f.Fix = Fault, fmt.Sprintf("the service doesn't take connections: %v", err), "restart it: systemctl restart acmezone"
	case c.serial().err != nil:
		f.Status, f.Fix = Fault, "see what it says: journalctl -u acmezone; then restart it: systemctl restart acmezone"
		f.Message = fmt.Sprintf("the service runs and doesn't answer at its admin socket: %s", oneLine(c.serial().err))
	default:
		f.Status, f.Message = OK, "the service runs"
	}
	return []Finding{f, c.checkHealth(ctx)}
}

func (c *checker) reachSocket(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := c.Dial(ctx, "unix", c.Service.Socket)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func notRunning(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// apiNetwork is unix where the API has no address; then Listen is the socket's path.
func (c *checker) apiNetwork() string {
	if strings.HasPrefix(c.Service.Listen, "/") {
		return "unix"
	}
	return "tcp"
}

// apiAddress is where the API is reached from this machine.
func (c *checker) apiAddress() string {
	at, err := netip.ParseAddrPort(c.Service.Listen)
	if err != nil {
		return c.Service.Listen
	}
	switch at.Addr() {
	case netip.IPv4Unspecified(), netip.IPv6Unspecified(): // "[::]" takes IPv4 as well
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
	}
	return at.String()
}

func (c *checker) apiURL() string {
	scheme := "https://"
	if c.Service.TLS == "off" {
		scheme = "http://"
	}
	host := c.apiAddress()
	if c.apiNetwork() == "unix" {
		host = c.Service.Hostname // the socket is dialled instead
	}
	return scheme + host + c.Service.PathPrefix + "/health"
}

// checkHealth asks the service what it thinks of itself. The certificate is judged by
// its own check.
func (c *checker) checkHealth(ctx context.Context) Finding {
	f := Finding{Check: "health", Subject: c.apiURL(), Status: Fault}
	status, body, err := c.getHealth(ctx)
	switch {
	case err != nil:
		f.Message = fmt.Sprintf("the API gives no answer: %v", err)
		f.Fix = fmt.Sprintf("see who listens there: ss -lntp; and what the log says: journalctl -u acmezone (api.listen is %s)", c.Service.Listen)
	case status == http.StatusOK && len(body) == 0:
		f.Status, f.Message = OK, "the service does its work"
	case status == http.StatusOK && len(degraded(body)) == 0:
		f.Status, f.Message = OK, "the service does its work; its certificate has a finding of its own"
	case status == http.StatusOK:
		f.Status, f.Message = Warning, strings.Join(degraded(body), "; ")
		f.Fix = "mend what is passed over; updates are answered meanwhile"
	default:
		f.Message = fmt.Sprintf("the service says (%d): %s", status, unhealthy(body))
		f.Fix = "mend that; the log says more: journalctl -u acmezone"
	}
	return f
}

func (c *checker) getHealth(ctx context.Context) (int, []byte, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.Dial(ctx, c.apiNetwork(), c.apiAddress())
		},
		TLSClientConfig: &tls.Config{ServerName: c.Service.Hostname, InsecureSkipVerify: true},
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: adminTime}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.apiURL(), nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	return response.StatusCode, body, err
}

// degraded is what the service does without, but for its certificate, which is judged
// elsewhere.
func degraded(body []byte) []string {
	var said struct{ Degraded []string }
	if err := json.Unmarshal(body, &said); err != nil || len(said.Degraded) == 0 {
		return []string{oneLine(errors.New(string(body)))}
	}
	return slices.DeleteFunc(said.Degraded, zone.IsCertificateTrouble)
}

func unhealthy(body []byte) string {
	var said struct {
		Error, Reason string
		Degraded      []string
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Reason == "" {
		return oneLine(errors.New(string(body)))
	}
	besides := slices.DeleteFunc(said.Degraded, zone.IsCertificateTrouble)
	return strings.Join(append([]string{said.Reason}, besides...), "; ")
}
