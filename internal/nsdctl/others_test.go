package nsdctl

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// startFamily starts a primary with two secondaries and publishes once.
func startFamily(t *testing.T, change ...func(*Options)) (*writer, *nsdtest.Server, []*nsdtest.Server) {
	t.Helper()
	primary, secondaries := nsdtest.Family(t, nsdtest.Options{Zones: authZone()}, 2)
	w := newWriter(t, primary, 5, change...)
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
	return w, primary, secondaries
}

func TestSecondariesConfirm(t *testing.T) {
	w, _, secondaries := startFamily(t)
	for i := range 5 {
		w.set("a", text(i))
		w.mustPublish()
		for _, s := range secondaries {
			if got := s.Serial(t, apex); got != uint32(w.current().Serial()) {
				t.Errorf("%s answers serial %d after %d was published", s.Addr, got, w.current().Serial())
			}
		}
	}
	for _, server := range w.others.known {
		if !server.processes.ok {
			t.Errorf("the processes of %s were not found, though they are here", server.server)
		}
	}
}

func TestDeadSecondaryIsPassedOver(t *testing.T) {
	w, _, secondaries := startFamily(t)
	secondaries[0].Stop()
	w.set("a", text(1))
	w.mustPublish()
	if got := secondaries[1].Serial(t, apex); got != 6 {
		t.Errorf("the other one answers serial %d", got)
	}
	degraded := w.others.Degraded()
	if len(degraded) != 1 || !strings.Contains(degraded[0], secondaries[0].Addr.String()) {
		t.Errorf("health says %q", degraded)
	}
	if !strings.Contains(w.log.String(), "passed over") {
		t.Error("nothing was said of it")
	}
	if s := w.status(secondaries[0]); !s.Known || s.Serial != 5 || s.InSync || !s.Skipped || s.Behind <= 0 {
		t.Errorf("its status is %+v", s)
	}
	if s := w.status(secondaries[1]); s.Serial != 6 || !s.InSync || s.Skipped || s.Behind != 0 {
		t.Errorf("the other one's status is %+v", s)
	}
	secondaries[0].Restart()
	if err := retry(func() error { return w.others.Check(t.Context(), w.current()) }); err != nil {
		t.Fatal(err)
	}
	if degraded := w.others.Degraded(); len(degraded) > 0 {
		t.Errorf("health still says %q", degraded)
	}
	w.set("a", text(2))
	w.mustPublish()
	if got := secondaries[0].Serial(t, apex); got != 7 {
		t.Errorf("it answers serial %d", got)
	}
	if all := w.others.Servers(); len(all) != 3 {
		t.Errorf("the servers are %+v", all)
	}
	for _, s := range w.others.Servers() {
		if s.Serial != 7 || !s.InSync || s.Skipped {
			t.Errorf("status %+v", s)
		}
	}
}

// status is what Servers says of one.
func (w *writer) status(server *nsdtest.Server) (found ServerStatus) {
	w.t.Helper()
	for _, s := range w.others.Servers() {
		if s.Server == server.Addr.String() {
			return s
		}
	}
	w.t.Errorf("nothing is known of %s", server.Addr)
	return found
}

func TestDeadSecondaryFails(t *testing.T) {
	w, _, secondaries := startFamily(t, func(o *Options) { o.SkipSilent = false })
	secondaries[0].Stop()
	w.set("a", text(1))
	mustSay(t, w.publish(), "no answer from "+secondaries[0].Addr.String(), "connection refused")
	secondaries[0].Restart()
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
}

// TestSecondaryWithOldDataIsNeverPassedOver stops the transfers to one that answers on.
func TestSecondaryWithOldDataIsNeverPassedOver(t *testing.T) {
	w, primary, secondaries := startFamily(t)
	secondaries[1].Freeze()
	w.set("a", text(1))
	if err := w.nsd.Publish(t.Context(), w.current()); err != nil {
		t.Fatal(err)
	}
	mustSay(t, w.publishFor(5*time.Second), secondaries[1].Addr.String()+" still answers serial 5")
	if got := primary.Serial(t, apex); got != 6 {
		t.Errorf("the primary answers serial %d", got)
	}
	if err := w.others.Check(t.Context(), w.current()); err == nil {
		t.Error("a check finds nothing wrong")
	}
	secondaries[1].Thaw()
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
}

// TestServersAreAhead has a database from a backup, and servers that know better.
func TestServersAreAhead(t *testing.T) {
	_, primary, secondaries := startFamily(t)
	behind := newWriter(t, primary, 3)
	if err := behind.nsd.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	behind.nsd.followed, _ = os.Stat(zonePath(primary)) // as if the file had said nothing
	err := behind.publish()
	if !errors.Is(err, zone.ErrOvertaken) {
		t.Fatal("a later serial is not noticed:", err)
	}
	if err := retry(behind.publish); err != nil {
		t.Fatal(err)
	}
	for _, s := range append(secondaries, primary) {
		if got := s.Serial(t, apex); got != 6 {
			t.Errorf("%s answers serial %d", s.Addr, got)
		}
	}
}

func TestConfirmNamesTheServers(t *testing.T) {
	w, primary, secondaries := startFamily(t, func(o *Options) { o.Confirm = []string{} })
	if servers := w.others.shared.current(); len(servers) != 0 {
		t.Errorf("with an empty list %v are asked", servers)
	}
	w.nsd.opts.Confirm = []string{primary.Addr.String(), secondaries[1].Addr.String()}
	w.set("a", text(1))
	w.mustPublish()
	if servers := w.others.shared.current(); len(servers) != 1 || servers[0] != secondaries[1].Addr.String() {
		t.Errorf("%v are asked besides NSD", servers)
	}
}

// TestServerIsToldAgain has a secondary miss NSD's NOTIFY, as one does that was out of
// reach: NSD doesn't repeat it for long.
func TestServerIsToldAgain(t *testing.T) {
	addr := nsdtest.Reserve(t, "127.0.0.2")
	zones := authZone()
	zones[0].Extra = fmt.Sprintf("notify: %s@%d NOKEY\nprovide-xfr: 127.0.0.0/8 NOKEY", addr.Addr(), addr.Port())
	primary := nsdtest.Start(t, nsdtest.Options{Zones: zones})
	w := newWriter(t, primary, 5, func(o *Options) { o.Confirm = []string{} })
	w.mustPublish()

	deaf := authZone()
	deaf[0].Extra = fmt.Sprintf("request-xfr: %s@%d NOKEY", primary.Addr.Addr(), primary.Addr.Port())
	secondary := nsdtest.Start(t, nsdtest.Options{Addr: addr.String(), Zones: deaf})
	secondary.Await(t, apex, 5)
	w.nsd.opts.Confirm = nil
	w.set("a", text(1))
	if err := w.nsd.Publish(t.Context(), w.current()); err != nil {
		t.Fatal(err)
	}
	mustSay(t, w.publishFor(5*time.Second), "still answers serial 5", "allow-notify")

	deaf[0].Extra += "\nallow-notify: 127.0.0.0/8 NOKEY"
	secondary.Reconfigure(nsdtest.Options{Addr: addr.String(), Zones: deaf})
	if out, err := secondary.Control("reconfig"); err != nil {
		t.Fatal(out, err)
	}
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
	secondary.Await(t, apex, 6)
}
