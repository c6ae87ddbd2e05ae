package attach

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
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
// It returns the steps.
func breakingOff(t *testing.T, b *bed, deeds []deed, breakOff func(d deed, step string)) []string {
	t.Helper()
	var all []string
	for n, d := range deeds {
		var steps []string
		before := keep(b)
		if err := d.do(b.context(), func(step string) error { steps = append(steps, step); return nil }); err != nil {
			t.Fatal(err)
		}
		after := keep(b)
		for _, step := range slices.Compact(steps) {
			before.restore(b)
			breakOff(d, step)
			readable(t, b)
			now := keep(b)
			for name, text := range now.texts {
				if !sameButSerial(text, before.texts[name]) && !sameButSerial(text, after.texts[name]) {
					t.Errorf("deed %d, %s: %s is neither old nor new: %q", n, step, name, text)
				}
			}
			if err := d.do(b.context(), nil); err != nil {
				t.Fatalf("deed %d, again after it was broken off at %q: %v", n, step, err)
			}
			d.want(t, b)
			for name, text := range keep(b).texts {
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
	return all
}

// come wants all those steps.
func come(t *testing.T, all []string, steps ...string) {
	t.Helper()
	for _, step := range append(steps, "snippet prepared", "snippet installed", "check prepared", "checked", "reloaded", "proved", "confirmed", "cleaned") {
		if !slices.Contains(all, step) {
			t.Errorf("the step %q never came", step)
		}
	}
}

// kept is the state of the files.
type kept struct{ texts map[string]string }

func keep(b *bed) kept {
	k := kept{make(map[string]string)}
	for _, path := range []string{b.path, b.snippetPath(customer), filepath.Join(b.server.Dir, "head")} {
		if text, err := os.ReadFile(path); err == nil {
			k.texts[path] = string(text)
		}
	}
	return k
}

// restore has NSD serve that state, with a serial that goes on.
func (k kept) restore(b *bed) {
	b.t.Helper()
	next := b.server.Serial(b.t, customer)
	for _, text := range keep(b).texts {
		if soa, ok := serialIn(text); ok {
			next = max(next, soa)
		}
	}
	next++
	_ = os.Remove(b.snippetPath(customer))
	for _, path := range sortedKeys(k.texts) { // the zone file comes after the snippet's record
		if path != b.path {
			b.server.Write(b.t, path, withSerial(k.texts[path], itoa(next)))
		}
	}
	b.server.Write(b.t, b.path, withSerial(k.texts[b.path], itoa(next)))
	if _, err := b.server.Control("reload", customer); err != nil {
		b.t.Fatal(err)
	}
	b.server.Await(b.t, customer, next)
}

// serialOf finds the serial in the zones of these tests.
var serialOf = regexp.MustCompile(`(hostmaster (?:\(\s*)?)(\d+)`)

func serialIn(text string) (uint32, bool) {
	found := serialOf.FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(found[2], 10, 32)
	return uint32(n), err == nil
}

func withSerial(text, serial string) string { return serialOf.ReplaceAllString(text, "${1}"+serial) }

func sameButSerial(a, b string) bool { return withSerial(a, "0") == withSerial(b, "0") }

// readable has NSD's checker read what is on the disk.
func readable(t *testing.T, b *bed) {
	t.Helper()
	cmd := exec.Command(nsdtest.Program(t, "nsd-checkzone", "nsd"), customer, b.path)
	cmd.Dir = b.server.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("NSD could not read what is left: %s", out)
	}
}

// killed does a deed in a process of its own, which is killed at that step.
func killed(t *testing.T) func(d deed, step string) {
	return func(d deed, step string) {
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
	}
}

func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	b := start(t, text(7))
	come(t, breakingOff(t, b, deeds(b), killed(t)), "zone file prepared", "zone file installed")
}

// TestKilledWithTheSOAElsewhere has the serial in a file that the zone file includes.
func TestKilledWithTheSOAElsewhere(t *testing.T) {
	t.Parallel()
	b := startInTwo(t)
	all := deeds(b)
	come(t, breakingOff(t, b, []deed{all[0], all[1]}, killed(t)), "part prepared", "part installed", "zone file prepared", "zone file installed")
}

// TestFaultAtEachStep has the step fail instead: what was done before the zone file is
// taken back then.
func TestFaultAtEachStep(t *testing.T) {
	t.Parallel()
	b := startInTwo(t)
	come(t, breakingOff(t, b, deeds(b)[:1], func(d deed, step string) {
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
	}), "part installed", "zone file installed")
}
