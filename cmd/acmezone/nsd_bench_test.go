package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// The benchmarks beside NSD have real NSDs serve the zone. What the service is
// compared with is testdata/bare, a process of its own that does the least there is to
// do: no store, no sync, no proof beyond one answer. Each has an NSD to itself, with
// the same options, and they take turns within one run, so that a machine that is busy
// is so for both.

// besideZone is the zone's name in the configuration of serve --dev.
const besideZone = "auth.test"

// besideNSD starts an NSD whose zone file is still to be written.
func besideNSD(b *testing.B) *nsdtest.Server {
	b.Helper()
	return nsdtest.Start(b, nsdtest.Options{Servers: 1, Zones: []nsdtest.Zone{{Name: besideZone, File: besideZone + ".zone"}}})
}

// nsdService makes a service that hands its zone to that NSD and answers no DNS
// itself. It keeps one value for each name, so that the zone doesn't grow while it is
// measured.
func nsdService(b *testing.B, dir string, nsd *nsdtest.Server) *service {
	b.Helper()
	cfg, err := config.Dev(dir, []string{
		"ACMEZONE_API_LISTEN=127.0.0.1:0", "ACMEZONE_ZONE_MAX_VALUES=1", "ACMEZONE_NSD_CONFIG=" + nsd.Config,
	})
	if err != nil {
		b.Fatal(err)
	}
	cfg.DNS = nil
	svc, err := newService(context.Background(), cfg, startup{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return svc
}

// besideService starts a service with so many accounts, of which so many, spread over
// all, have a value, and returns its address.
func besideService(b *testing.B, accounts, live int) string {
	b.Helper()
	dir := benchDatabase(b, accounts)
	setLive(b, dir, live, accounts/live)
	return running(b, nsdService(b, dir, besideNSD(b)))
}

// setLive gives every stride-th account a value, as a service does, while none runs.
func setLive(b *testing.B, dir string, live, stride int) {
	b.Helper()
	svc := benchService(b, dir)
	changes := make([]zone.Change, live)
	for i := range changes {
		username, subdomain, _ := benchAccount(i * stride)
		changes[i] = zone.SetValue{Account: username, Owner: subdomain, Text: fmt.Sprintf("before-%036d", i)}
	}
	_, errs := svc.db.Commit(changes)
	if err := errors.Join(append(errs, svc.close())...); err != nil {
		b.Fatal(err)
	}
}

// updater sends updates over one connection that is kept.
type updater struct {
	client benchClient
	next   request
	sent   int // the number of the last update
}

func newUpdater(b *testing.B, addr string, next request) *updater {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &updater{client: benchClient{conn: conn, reader: bufio.NewReader(conn)}, next: next}
}

// update returns the time from the request to its 200.
func (u *updater) update(b *testing.B) time.Duration {
	b.Helper()
	u.sent++
	took, err := u.send(u.sent)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// send sends the i-th update.
func (u *updater) send(i int) (took time.Duration, err error) {
	u.client.request = u.next(u.client.request[:0], i)
	begun := time.Now()
	status, err := u.client.exchange()
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("update %d: status %d", i, status)
	}
	return time.Since(begun), err
}

// bareProgram is testdata/bare, running.
type bareProgram struct {
	file   string // the zone file
	in     io.Writer
	out    *bufio.Scanner
	serial uint32
}

// startBare starts it with so many names; it ends with the benchmark.
func startBare(b *testing.B, live int) *bareProgram {
	b.Helper()
	nsd := besideNSD(b)
	file := filepath.Join(nsd.Dir, besideZone+".zone")
	cmd := exec.Command(buildBare(b), "-zone", besideZone, "-file", file, "-control", nsd.ControlSocket,
		"-addr", nsd.Addr.String(), "-names", strconv.Itoa(live))
	cmd.Stderr = os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			b.Error(err)
		}
	})
	return &bareProgram{file: file, in: in, out: bufio.NewScanner(out), serial: 1}
}

func buildBare(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "bare")
	out, err := exec.Command(needProgram(b, "go", "golang"), "build", "-o", program, "./testdata/bare").CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return program
}

// update returns the time that the program itself took, from the line it was given to
// the answer that it got from NSD.
func (p *bareProgram) update(b *testing.B) time.Duration {
	b.Helper()
	p.serial++
	if _, err := fmt.Fprintln(p.in, p.serial); err != nil {
		b.Fatal(err)
	}
	if !p.out.Scan() {
		b.Fatalf("the bare program has ended: %v", p.out.Err())
	}
	took, err := strconv.ParseInt(p.out.Text(), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	p.settle(b)
	return time.Duration(took)
}

// settle brings to the disk what the program leaves to the kernel, off its time: else
// the next sync of the service, on the same disk, would pay for it.
func (p *bareProgram) settle(b *testing.B) {
	b.Helper()
	file, err := os.Open(p.file)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		b.Fatal(err)
	}
}

// inTurns measures one, then the other, and so on, and reports the median of each in
// milliseconds, and the median of the ratios of neighbours. A first turn of both isn't
// counted: it finds out where everything is.
func inTurns(b *testing.B, nameOne, nameOther string, one, other func(*testing.B) time.Duration) {
	b.Helper()
	one(b)
	other(b)
	var ones, others, ratios []float64
	for b.Loop() {
		x, y := one(b), other(b)
		ones = append(ones, milliseconds(x))
		others = append(others, milliseconds(y))
		ratios = append(ratios, x.Seconds()/y.Seconds())
	}
	b.ReportMetric(0, "ns/op") // of both together: of no use
	b.ReportMetric(median(ones), nameOne+"-ms")
	b.ReportMetric(median(others), nameOther+"-ms")
	b.ReportMetric(median(ratios), "ratio")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(all []float64) float64 {
	slices.Sort(all)
	middle := len(all) / 2
	if len(all)%2 == 1 {
		return all[middle]
	}
	return (all[middle-1] + all[middle]) / 2
}

// BenchmarkBesideNSD is one update after the other, by how many names are live. The
// updates of a zone of a thousand names and more go to a thousand of them, those of a
// smaller one to its first.
func BenchmarkBesideNSD(b *testing.B) {
	for _, live := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("live=%d", live), func(b *testing.B) {
			ours := newUpdater(b, besideService(b, live, live), updateRequest(live/1000))
			theirs := startBare(b, live)
			inTurns(b, "ours", "bare", ours.update, theirs.update)
		})
	}
}

// A turn of the clients is so many updates, one of the bare program so many reloads.
const (
	turnUpdates = 1000
	turnReloads = 20
)

// BenchmarkBesideNSDClients is 64 clients at once, beside the reloads that the bare
// program does one after another: what many clients gain is that one reload does for
// all that came meanwhile. An op is an update.
func BenchmarkBesideNSDClients(b *testing.B) {
	b.StopTimer()
	ours := newCrowd(b, besideService(b, 1000, 1000), 64)
	theirs := startBare(b, 1000)
	theirs.update(b)
	var updates, bare, ratios []float64
	for left := b.N; left > 0; left -= turnUpdates {
		x, y := ours.turn(b, min(left, turnUpdates)), reloadRate(b, theirs)
		updates = append(updates, x)
		bare = append(bare, y)
		ratios = append(ratios, x/y)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(updates), "updates/s")
	b.ReportMetric(median(bare), "bare-reloads/s")
	b.ReportMetric(median(ratios), "ratio")
}

// crowd are clients that send updates at once.
type crowd struct {
	clients []*updater
	sent    atomic.Int64
}

func newCrowd(b *testing.B, addr string, clients int) *crowd {
	b.Helper()
	c := &crowd{}
	for range clients {
		c.clients = append(c.clients, newUpdater(b, addr, updateRequest(1)))
	}
	return c
}

// turn sends so many updates, each client the next one as soon as it has its answer,
// and returns updates a second.
func (c *crowd) turn(b *testing.B, updates int) float64 {
	b.Helper()
	b.StartTimer()
	defer b.StopTimer()
	begun, last := time.Now(), c.sent.Load()+int64(updates)
	var running sync.WaitGroup
	for _, u := range c.clients {
		running.Go(func() {
			for i := c.sent.Add(1); i <= last; i = c.sent.Add(1) {
				if _, err := u.send(int(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	running.Wait()
	return float64(updates) / time.Since(begun).Seconds()
}

// reloadRate is how many reloads a second the bare program does.
func reloadRate(b *testing.B, p *bareProgram) float64 {
	b.Helper()
	var took time.Duration
	for range turnReloads {
		took += p.update(b)
	}
	return turnReloads / took.Seconds()
}

// BenchmarkBesideNSDAccounts is what a million accounts cost an update, beside a
// thousand. In both a thousand names are live and have their turn: it is the accounts
// that are compared.
func BenchmarkBesideNSDAccounts(b *testing.B) {
	const few, many, live = 1_000, 1_000_000, 1_000
	updates := func(accounts int) func(*testing.B) time.Duration {
		return newUpdater(b, besideService(b, accounts, live), updateRequest(accounts/live)).update
	}
	inTurns(b, "1M", "1k", updates(many), updates(few))
}
