package attach

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl"
)

// deed is what a child process is to do, and the step at which it is to be killed.
type deed struct {
	Config, SnippetDir string
	Inline             bool
	Attach             []Binding
	Detach             []string
	KillAt             string
}

const deedVariable = "ACMEZONE_TEST_ATTACH"

// TestMain is that child process where it is told so.
func TestMain(m *testing.M) {
	if text := os.Getenv(deedVariable); text != "" {
		os.Exit(beChild(text))
	}
	os.Exit(m.Run())
}

func beChild(text string) int {
	var d deed
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return 2
	}
	if err := d.do(context.Background(), func(step string) error {
		if step == d.KillAt {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}); err != nil {
		return 1
	}
	return 0
}

func (d deed) do(ctx context.Context, hook func(string) error) error {
	e := &Editor{
		NSD: nsdctl.Server{Config: d.Config}, Zones: []string{customer}, Apex: ownZone,
		SnippetDir: d.SnippetDir, Inline: d.Inline, Patience: enough, hook: hook,
	}
	_, err := e.AttachAll(ctx, d.Attach)
	if err == nil {
		_, err = e.DetachAll(ctx, d.Detach)
	}
	return err
}

// deeds are the kinds of edits, each after those before it.
func deeds(b *bed) []deed {
	d := deed{Config: b.server.Config, SnippetDir: b.SnippetDir}
	first, second, inline, some, last := d, d, d, d, d
	first.Attach = bindings("a.example.com")
	second.Attach = bindings("b.example.com", "c.example.com")
	inline.Attach, inline.Inline = bindings("d.example.com"), true
	some.Detach = []string{"b.example.com", "d.example.com"}
	last.Detach = []string{"a.example.com", "c.example.com"}
	return []deed{first, second, inline, some, last}
}

// want is what NSD is to answer after a deed.
func (d deed) want(t *testing.T, b *bed) {
	t.Helper()
	for _, a := range d.Attach {
		if got := answers(t, b.server, a.Domain); got != a.Target {
			t.Errorf("NSD answers %q at %s", got, a.Domain)
		}
	}
	for _, domain := range d.Detach {
		if got := answers(t, b.server, domain); got != "" {
			t.Errorf("NSD answers %q at %s", got, domain)
		}
	}
}

// breakingOff runs each deed until each of its steps, breaks it off there, looks at what
// is left, and does it again, which must complete it.
func breakingOff(t *testing.T, b *bed, breakOff func(d deed, step string)) {
	var all []string
	for n, d := range deeds(b) {
		var steps []string
		before := keep(t, b)
		if err := d.do(b.context(), func(step string) error { steps = append(steps, step); return nil }); err != nil {
			t.Fatal(err)
		}
		after := keep(t, b)
		for _, step := range slices.Compact(steps) {
			before.restore(b)
			breakOff(d, step)
			readable(t, b)
			now := keep(t, b)
			for name, text := range now.texts {
				if !sameButSerial(text, before.texts[name]) && !sameButSerial(text, after.texts[name]) {
					t.Errorf("deed %d, %s: %s is neither old nor new: %q", n, step, name, text)
				}
			}
			if err := d.do(b.context(), nil); err != nil {
				t.Fatalf("deed %d, again after it was broken off at %q: %v", n, step, err)
			}
			d.want(t, b)
			for name, text := range keep(t, b).texts {
				if !sameButSerial(text, after.texts[name]) {
					t.Errorf("deed %d, broken off at %q: %s is %q in the end", n, step, name, text)
				}
			}
			if left, _ := filepath.Glob(b.server.Dir + "/.*.acmezone-new"); len(left) > 0 {
				t.Errorf("deed %d, broken off at %q: left behind: %v", n, step, left)
			}
		}
		all = append(all, steps...)
	}
	for _, step := range []string{"snippet prepared", "snippet installed", "check prepared", "checked", "zone file prepared", "zone file installed", "reloaded", "proved", "confirmed", "cleaned"} {
		if !slices.Contains(all, step) {
			t.Errorf("the step %q never came", step)
		}
	}
}

// kept is the state of the files.
type kept struct{ texts map[string]string }

func keep(t *testing.T, b *bed) kept {
	t.Helper()
	k := kept{map[string]string{b.path: b.read()}}
	if text, err := os.ReadFile(b.snippetPath(customer)); err == nil {
		k.texts[b.snippetPath(customer)] = string(text)
	}
	return k
}

// restore has NSD serve that state, with a serial that goes on.
func (k kept) restore(b *bed) {
	b.t.Helper()
	soa, _ := b.parsed().SOA()
	_ = os.Remove(b.snippetPath(customer))
	if text, ok := k.texts[b.snippetPath(customer)]; ok {
		b.server.Write(b.t, b.snippetPath(customer), text)
	}
	b.server.Write(b.t, b.path, k.texts[b.path])
	next := soa.Serial + 1
	b.server.Write(b.t, b.path, string(b.parsed().WithSerial(next)))
	if _, err := b.server.Control("reload", customer); err != nil {
		b.t.Fatal(err)
	}
	b.server.Await(b.t, customer, uint32(next))
}

func sameButSerial(a, b string) bool { return withoutSerial(a) == withoutSerial(b) }

func withoutSerial(text string) string {
	before, rest, found := strings.Cut(text, "hostmaster (\n\t\t")
	if !found {
		return text
	}
	_, rest, _ = strings.Cut(rest, " ;")
	return before + rest
}

// readable has NSD's checker read what is on the disk.
func readable(t *testing.T, b *bed) {
	t.Helper()
	out, err := exec.Command("/usr/sbin/nsd-checkzone", customer, b.path).CombinedOutput()
	if err != nil {
		t.Errorf("NSD could not read what is left: %s", out)
	}
}

// TestKilledAtEachStep kills the process itself.
func TestKilledAtEachStep(t *testing.T) {
	b := start(t, text(7))
	breakingOff(t, b, func(d deed, step string) {
		d.KillAt = step
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), deedVariable+"="+string(text))
		out, err := child.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("at %q: %v: %s", step, err, out)
		}
	})
}

// TestFaultAtEachStep has the step fail instead: what was done before the zone file is
// taken back then.
func TestFaultAtEachStep(t *testing.T) {
	b := start(t, text(7))
	breakingOff(t, b, func(d deed, step string) {
		fault := errors.New("a fault")
		err := d.do(b.context(), func(s string) error {
			if s == step {
				return fault
			}
			return nil
		})
		if !errors.Is(err, fault) {
			t.Fatalf("at %q: %v", step, err)
		}
	})
}
