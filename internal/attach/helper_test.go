package attach

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/logtest"
)

// helperAt serves an editor at a socket until the test ends.
func helperAt(t testing.TB, open func() (*Editor, error)) (socket string, logged func() string) {
	t.Helper()
	socket = filepath.Join(shortDir(t), "attach.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	log := new(logtest.Buffer)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, open, slog.New(slog.NewTextHandler(log, nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return socket, log.String
}

func (b *bed) open() (*Editor, error) { return b.Editor, nil }

func TestHelperAttachesForTheService(t *testing.T) {
	b := start(t, text(7))
	socket, logged := helperAt(t, b.open)
	var attacher Attacher = Dial(socket)
	if err := attacher.Attach(b.context(), "www.example.com", target); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, b.server, "www.example.com"); got != target {
		t.Errorf("NSD answers %q", got)
	}
	if err := attacher.Detach(b.context(), "www.example.com"); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, b.server, "www.example.com"); got != "" {
		t.Errorf("NSD answers %q", got)
	}
	for _, want := range []string{"msg=attach domain=www.example.com target=" + target + " serial=8", "msg=detach domain=www.example.com", `from="user 0, process `} {
		if !strings.Contains(logged(), want) {
			t.Errorf("the log lacks %q:\n%s", want, logged())
		}
	}
}

// TestHelperWritesTheAuditLog, with who has asked, what was done, and what was refused.
func TestHelperWritesTheAuditLog(t *testing.T) {
	b := start(t, text(7))
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, err := audit.Open(audit.Options{Path: path, Database: path, Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	defer trail.Close()
	socket, _ := helperAt(t, func() (*Editor, error) {
		editor := *b.Editor
		editor.Audit, editor.Via = trail, audit.ViaHelper
		return &editor, nil
	})
	client := Dial(socket)
	if err := errors.Join(client.Attach(b.context(), "www.example.com", target), client.Detach(b.context(), "www.example.com")); err != nil {
		t.Fatal(err)
	}
	mustSay(t, client.Attach(b.context(), "www.example.org", target), "lies in none of")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	who := fmt.Sprintf(`"uid":%d,`, os.Getuid())
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		want := []string{
			`"event":"attach","result":"ok","domain":"www.example.com","target":"` + strings.TrimSuffix(target, ".") + `",` + who,
			`"event":"detach","result":"ok","domain":"www.example.com",` + who,
			`"event":"attach","result":"refused",`,
		}[i]
		if !strings.Contains(line, want) || !strings.HasSuffix(line, `"via":"attach-helper"}`) || !strings.Contains(line, who) {
			t.Errorf("%s\nwant %s", line, want)
		}
	}
}

func TestHelperTrustsDomainAndTargetOnly(t *testing.T) {
	b := start(t, text(7))
	socket, _ := helperAt(t, b.open)
	client := Dial(socket)
	for _, c := range []struct{ domain, target, want string }{
		{"www.example.org", target, "www.example.org lies in none of nsd.attach_zones (example.com)"},
		{"www.example.com", "evil.example.net.", "is not a name of an account"},
		{"www.example.com", "a.b.auth.example.org.", "is not a name of an account"},
		{"www.example.com\nevil A 192.0.2.6", target, "is not a domain in lower case"},
		{"*.example.com", target, "is not a domain in lower case"},
		{"WWW.example.com", target, "is not a domain in lower case"},
		{"../../etc", target, "is not a domain in lower case"},
		{"", target, "is not a domain in lower case"},
	} {
		mustSay(t, client.Attach(b.context(), c.domain, c.target), c.want)
	}
	mustSay(t, client.Detach(b.context(), "example.org"), "lies in none of")
	if b.read() != text(7) {
		t.Error("something was written")
	}
}

func TestHelperReadsItsConfigurationAnew(t *testing.T) {
	b := start(t, text(7))
	var mu sync.Mutex
	broken := errors.New("acmezone.toml: line 3: nonsense")
	socket, _ := helperAt(t, func() (*Editor, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Editor, broken
	})
	mustSay(t, Dial(socket).Attach(b.context(), "www.example.com", target), "the helper's configuration: acmezone.toml: line 3: nonsense")
	mu.Lock()
	broken = nil
	mu.Unlock()
	if err := Dial(socket).Attach(b.context(), "www.example.com", target); err != nil {
		t.Error(err)
	}
}

func TestHelperRefusesGarbage(t *testing.T) {
	socket, _ := helperAt(t, func() (*Editor, error) { return &Editor{Zones: []string{customer}, Apex: ownZone}, nil })
	for sent, want := range map[string]string{
		"\n":                               "the line is not JSON as expected",
		"GET / HTTP/1.1\r\n":               "the line is not JSON as expected",
		"{}\n":                             "the line holds neither",
		`{"attach":{},"detach":{}}` + "\n": "the line holds neither",
		`{"attach":{"domain":7}}` + "\n":   "the line is not JSON as expected",
		`{"attach":{}}` + "\n":             "is not a name of an account",
		strings.Repeat("x", 1<<16):         "no whole line of up to 2048 octets came",
		`{"attach":`:                       "no whole line of up to 2048 octets came",
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(enough))
		go func() {
			_, _ = io.WriteString(conn, sent) // the helper hangs up on what is too long
			_ = conn.(*net.UnixConn).CloseWrite()
		}()
		var a answer
		line, err := bufio.NewReader(conn).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &a)
		}
		if err != nil || !strings.Contains(a.Error, want) {
			t.Errorf("to %.40q it says %q, %v", sent, line, err)
		}
		conn.Close()
	}
}

// TestSlowClientsHoldUpNobody has clients that connect and say nothing.
func TestSlowClientsHoldUpNobody(t *testing.T) {
	b := start(t, text(7))
	socket, _ := helperAt(t, b.open)
	for range 20 {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, `{"att`); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), askingTime)
	defer cancel()
	if err := Dial(socket).Attach(ctx, "www.example.com", target); err != nil {
		t.Error(err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	b := start(t, text(7))
	socket, _ := helperAt(t, b.open)
	var running sync.WaitGroup
	for i := range 6 {
		running.Go(func() {
			if err := Dial(socket).Attach(b.context(), fmt.Sprintf("host%d.example.com", i), target); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if n := strings.Count(b.snippetText(), "CNAME\t"); n != 6 {
		t.Errorf("%d records", n)
	}
}

func TestHelperThatIsNotThere(t *testing.T) {
	socket := filepath.Join(shortDir(t), "none.sock")
	mustSay(t, Dial(socket).Attach(t.Context(), "www.example.com", target),
		"the helper at "+socket+" isn't there: type 'systemctl enable --now acmezone-attach.socket', or run 'acmezone attach-helper' as root")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			conn.Close()
		}
	}()
	mustSay(t, Dial(socket).Attach(t.Context(), "www.example.com", target), "gave no answer: see its log, 'journalctl -u acmezone-attach'")
}
