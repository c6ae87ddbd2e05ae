package main

import (
	"crypto/rand"
	"database/sql"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// journal is what clients know: what was acknowledged to them.
type journal struct {
	mu       sync.Mutex
	accounts []registered
	last     map[string]string // subdomain to the newest acknowledged value
	acked    int
}

func (j *journal) registered(a registered) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.accounts = append(j.accounts, a)
	j.acked++
}

func (j *journal) updated(a registered, txt string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last[a.Subdomain] = txt
	j.acked++
}

// newValue is a challenge value that was never used before.
func newValue() string { return (rand.Text() + rand.Text())[:43] }

func crashRounds(t *testing.T) int {
	text := os.Getenv("ACMEZONE_CRASH_ROUNDS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKillLosesNothing kills the service again and again while clients register
// and update: what was acknowledged must be there, the serial never goes back, and
// the database is sound.
func TestKillLosesNothing(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	known := &journal{last: make(map[string]string)}
	var serial zone.Serial
	for round := range crashRounds(t) {
		p := start(t, config)
		if now := zone.Serial(p.serial()); !now.Reached(serial) {
			t.Fatalf("round %d: the serial went back from %d to %d", round, serial, now)
		}
		checkAcknowledged(t, p, known)
		before := known.acked
		seen := load(p, known, time.Duration(5+mathrand.IntN(495))*time.Millisecond)
		if seen != 0 {
			serial = seen
		}
		checkIntegrity(t, dir)
		t.Logf("round %d: %d acknowledged, %d in all, serial %d", round, known.acked-before, known.acked, serial)
	}
	checkAcknowledged(t, start(t, config), known)
	if known.acked == 0 {
		t.Error("nothing was acknowledged in any round: this test has shown nothing")
	}
}

// load has clients register and update until the process is killed after that
// time, and returns the newest serial that was served.
func load(p *process, known *journal, lifetime time.Duration) (serial zone.Serial) {
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		clients.Go(func() { registerUntil(p, known, stop) })
	}
	for range 5 {
		clients.Go(func() { updateUntil(p, known, stop) })
	}
	clients.Go(func() { serial = watchSerial(p, stop) })
	<-time.After(lifetime)
	p.kill()
	close(stop)
	clients.Wait()
	return serial
}

func watchSerial(p *process, stop <-chan struct{}) (last zone.Serial) {
	client := dns.Client{Timeout: time.Second} // it may be killed with the question in its hands
	for {
		select {
		case <-stop:
			return last
		default:
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("auth.test.", dns.TypeSOA), p.dns)
			if err != nil || len(answer.Answer) == 0 {
				continue
			}
			now := zone.Serial(answer.Answer[0].(*dns.SOA).Serial)
			if last != 0 && !now.Reached(last) {
				p.t.Errorf("the serial went back from %d to %d", last, now)
			}
			last = now
		}
	}
}

func registerUntil(p *process, known *journal, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			if a, ok := p.register(); ok {
				known.registered(a)
			}
		}
	}
}

// updateUntil keeps one update of its own account under way, so that the newest
// acknowledged value is among the six that are kept.
func updateUntil(p *process, known *journal, stop <-chan struct{}) {
	a, ok := p.register()
	if !ok {
		return
	}
	known.registered(a)
	for {
		select {
		case <-stop:
			return
		default:
			if txt := newValue(); p.update(a, txt) == http.StatusOK {
				known.updated(a, txt)
			}
		}
	}
}

// checkAcknowledged looks through the service at what was acknowledged before.
func checkAcknowledged(t *testing.T, p *process, known *journal) {
	t.Helper()
	for subdomain, txt := range known.last {
		if !slices.Contains(p.texts(subdomain+".auth.test"), txt) {
			t.Errorf("the acknowledged value %s of %s is lost", txt, subdomain)
		}
	}
	// Each account that is new since last time must still log in.
	for _, a := range known.accounts {
		if txt := newValue(); p.update(a, txt) != http.StatusOK {
			t.Errorf("the acknowledged account %s is lost", a.Username)
		}
	}
	known.accounts, known.last = nil, make(map[string]string)
}

// checkIntegrity looks at a copy, so that the service itself has to recover what
// the kill has left.
func checkIntegrity(t *testing.T, dir string) {
	t.Helper()
	copied := t.TempDir()
	copyDatabase(t, dir, copied)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(copied, "acmezone.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity check: %s, %v", verdict, err)
	}
}

// copyDatabase copies a database that nobody is writing to.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"acmezone.db", "acmezone.db-wal", "acmezone.db-journal"} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
