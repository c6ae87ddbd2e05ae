package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/crypto/bcrypt"

	"github.com/acmezone/acmezone/internal/zone"
)

// The attacks come from addresses of this machine, to a service that is a process of its
// own, and that exempts none of them. What is measured are others' requests meanwhile;
// make attack has more rounds than make test, and shows the figures.

// attackRounds says how often idle and attacked are measured in turns, and for how long
// each.
func attackRounds(t *testing.T) (rounds int, span time.Duration) {
	t.Helper()
	text := os.Getenv("ACMEZONE_ATTACK_ROUNDS")
	if text == "" {
		return 1, time.Second
	}
	rounds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return rounds, 3 * time.Second
}

// attacked starts a service whose limits count every address.
func attacked(t *testing.T) (*process, string) {
	t.Helper()
	config := writeTestConfig(t, t.TempDir())
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	strict := strings.Replace(string(text), `exempt = ["127.0.0.0/8"]`, "exempt = []", 1)
	if err := os.WriteFile(config, []byte(strict), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, config), config
}

// source is the i-th address of an attacker's, or of whoever it may be.
func source(i int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i))}
}

// times are how long some requests took.
type times []time.Duration

func (all times) quantile(q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func (all times) String() string {
	return fmt.Sprintf("%d, p50 %v, p99 %v", len(all), all.quantile(0.5).Round(time.Microsecond), all.quantile(0.99).Round(time.Microsecond))
}

// askSteadily asks for a name every two milliseconds over UDP, for a time.
func askSteadily(t *testing.T, addr, name string, span time.Duration) (took times) {
	t.Helper()
	conn, err := dns.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(span); time.Now().Before(end); <-tick.C {
		began := time.Now()
		_ = conn.SetDeadline(began.Add(enough))
		if err := conn.WriteMsg(question); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ReadMsg(); err != nil {
			t.Errorf("no answer over DNS: %v", err)
			continue
		}
		took = append(took, time.Since(began))
	}
	return took
}

// oneRequest sends one request on a connection of its own.
func oneRequest(addr string, from *net.TCPAddr, text string) (status int, err error) {
	conn, err := (&net.Dialer{LocalAddr: from, Timeout: enough}).Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * enough))
	if _, err := io.WriteString(conn, text); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}

func updateText(a registered, password, txt string) string {
	body := fmt.Sprintf(`{"subdomain": %q, "txt": %q}`, a.Subdomain, txt)
	return fmt.Sprintf("POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-User: %s\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
		a.Username, password, len(body), body)
}

// steadily has clients at those addresses send one request after the other for a time,
// each on a connection of its own. It returns how long those took that were answered as
// they should, and how many weren't.
func steadily(addr string, from []*net.TCPAddr, text string, want int, span time.Duration) (took times, failed int) {
	var mu sync.Mutex
	var clients sync.WaitGroup
	end := time.Now().Add(span)
	for _, source := range from {
		clients.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				status, err := oneRequest(addr, source, text)
				mu.Lock()
				if err != nil || status != want {
					failed++
				} else {
					took = append(took, time.Since(began))
				}
				mu.Unlock()
				<-time.After(20 * time.Millisecond)
			}
		})
	}
	clients.Wait()
	return took, failed
}

// sockets is how many a process has open.
func (p *process) sockets() (n int) {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid()))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

func (p *process) memoryMB() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		p.t.Fatal(err)
	}
	return kib / 1024
}

// slowStages are what a slow client has sent of its request when it stops.
var slowStages = []string{
	"", "POST /upd", "POST /update HTTP/1.1\r\nHost: x\r\nX-Api-User: a\r\n",
	"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
}

// hangMany keeps that many connections hanging, from addresses that source gives, until ctx
// is done. One that is closed comes again after a second or two.
func hangMany(ctx context.Context, addr string, n int, source func(i int) *net.TCPAddr) (opened *atomic.Int64, wait func()) {
	opened = new(atomic.Int64)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				hangOnce(ctx, addr, source(i), slowStages[i%len(slowStages)], opened)
				select {
				case <-time.After(time.Second + rand.N(time.Second)):
				case <-ctx.Done():
				}
			}
		})
	}
	return opened, all.Wait
}

func hangOnce(ctx context.Context, addr string, from *net.TCPAddr, text string, opened *atomic.Int64) {
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	opened.Add(1)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	_, _ = io.Copy(io.Discard, conn) // until it is closed
}

// TestAttackSlowConnections: 5,000 connections hang, all from the address that the real
// clients have as well, or from 100 others.
func TestAttackSlowConnections(t *testing.T) {
	const hanging = 5000
	rounds, span := attackRounds(t)
	p, _ := attacked(t)
	a, ok := p.register()
	if !ok {
		t.Fatal("not registered")
	}
	same := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	health := "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	clients := []*net.TCPAddr{same, same, same, same}
	sockets, memory := p.sockets(), p.memoryMB()
	for name, from := range map[string]func(int) *net.TCPAddr{
		"one address": func(int) *net.TCPAddr { return same }, "100 addresses": func(i int) *net.TCPAddr { return source(i % 100) },
	} {
		for range rounds {
			idle, idleFailed := steadily(p.api, clients, health, 200, span)
			ctx, cancel := context.WithCancel(t.Context())
			opened, ended := hangMany(ctx, p.api, hanging, from)
			eventually(t, "all have been there", func() bool { return opened.Load() >= hanging })
			crowded, failed := steadily(p.api, clients, health, 200, span)
			status, err := oneRequest(p.api, same, updateText(a, a.Password, strings.Repeat("b", 43)))
			t.Logf("%s: idle %v, failed %d; with %d slow ones %v, failed %d; update %d; %d connections opened; %.0f MB, %d sockets",
				name, idle, idleFailed, hanging, crowded, failed, status, opened.Load(), p.memoryMB(), p.sockets())
			cancel()
			ended()
			if all := len(crowded) + failed; failed > all/100 {
				t.Errorf("%s: %d of %d requests failed", name, failed, all)
			}
			if status != 200 {
				t.Errorf("%s: update: %d, %v", name, status, err)
			}
		}
	}
	eventually(t, "the connections are gone", func() bool { return p.sockets() <= sockets })
	t.Logf("memory before %.0f MB, after %.0f MB; sockets before %d, after %d", memory, p.memoryMB(), sockets, p.sockets())
}

// beAttacker makes the test binary send a flood, as JSON in that variable says.
const beAttacker = "ACMEZONE_TEST_IS_AN_ATTACKER"

// flooding is a flood of requests, each from the next of 200 addresses.
type flooding struct {
	Addr      string
	PerSecond int
	Kept      int        // connections, if not 0: as much as goes, PerSecond or more
	Base      int        // the first of its addresses
	As        registered // whose password it guesses; nobody's: it registers
}

func (f flooding) request() string {
	if f.As.Username == "" {
		return "POST /register HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	}
	return updateText(f.As, zone.NewPassword(), strings.Repeat("d", 43))
}

// attack sends a flood until its standard input ends, and prints the answers' statuses.
func attack(text string) {
	var f flooding
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		panic(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	fmt.Print(f.send(ended))
}

func (f flooding) send(ended <-chan struct{}) map[int]int {
	if f.Kept > 0 {
		return f.sendKept(ended)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	count := make(map[int]int)
	places := make(chan struct{}, 500) // at once
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; <-tick.C {
		select {
		case <-ended:
			all.Wait()
			return count
		default:
		}
		for range f.PerSecond / 100 {
			i++
			select {
			case places <- struct{}{}:
			default:
				continue // nobody answers: it isn't the client that is tested
			}
			all.Go(func() {
				defer func() { <-places }()
				status, _ := oneRequest(f.Addr, source(f.Base+i%200), f.request()) // 0 for no answer
				mu.Lock()
				count[status]++
				mu.Unlock()
			})
		}
	}
}

// sendKept sends one request after the other, over connections that stay.
func (f flooding) sendKept(ended <-chan struct{}) map[int]int {
	request := strings.Replace(f.request(), "Connection: close\r\n", "", 1)
	counts := make([]map[int]int, f.Kept)
	var all sync.WaitGroup
	for i := range counts {
		counts[i] = make(map[int]int)
		all.Go(func() {
			for more := true; more; {
				more = sendOver(f.Addr, source(f.Base+i), request, counts[i], ended)
			}
		})
	}
	all.Wait()
	sum := make(map[int]int)
	for _, count := range counts {
		for status, n := range count {
			sum[status] += n
		}
	}
	return sum
}

// sendOver sends requests over one connection for as long as that stays, and reports
// whether the flood goes on after it.
func sendOver(addr string, from *net.TCPAddr, request string, count map[int]int, ended <-chan struct{}) bool {
	conn, err := (&net.Dialer{LocalAddr: from, Timeout: enough}).Dial("tcp", addr)
	if err != nil {
		count[0]++
		return false
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for {
		select {
		case <-ended:
			return false
		default:
		}
		_ = conn.SetDeadline(time.Now().Add(enough))
		_, _ = io.WriteString(conn, request)
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return true // it was closed for another's sake
		}
		_, _ = io.Copy(io.Discard, response.Body)
		count[response.StatusCode]++
	}
}

// start runs the flood in a process of its own, which takes what processors others leave,
// so that what is measured is the service. Stop returns what it was answered.
func (f flooding) start(t *testing.T) (stop func() string) {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nice", "-n", "19", os.Args[0])
	cmd.Env = append(os.Environ(), beAttacker+"="+string(text))
	var out strings.Builder
	cmd.Stdout = &out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, out.String())
		}
		return out.String()
	}
}

// target is a service with accounts to attack.
type target struct {
	*process
	account, imported registered
}

func newTarget(t *testing.T) target {
	t.Helper()
	p, config := attacked(t)
	a, ok := p.register()
	if !ok || p.update(a, strings.Repeat("c", 43)) != 200 {
		t.Fatal("no account")
	}
	return target{p, a, importBcrypt(t, config, filepath.Dir(config))}
}

// whileFlooded asks for a name in the DNS of one service while another is flooded, or the
// same.
func whileFlooded(t *testing.T, asked, flooded target, f flooding, span time.Duration) (took times, answers string) {
	t.Helper()
	f.Addr = flooded.api
	stop := f.start(t)
	took = askSteadily(t, asked.dns, asked.account.FullDomain, span)
	status, err := oneRequest(asked.api, source(f.Base), updateText(asked.account, asked.account.Password, strings.Repeat("e", 43)))
	if status != 200 {
		t.Errorf("the right password from an address of the flood's: %d, %v", status, err)
	}
	return took, stop()
}

// TestAttackFloods: registrations and wrong passwords, for known, unknown and imported
// accounts, a thousand a second from 200 addresses, or as many as go over connections that
// stay, while DNS is asked. That is measured
// for a flood of the service itself, and of its neighbour: a machine that is busy answers
// later, whatever it is busy with.
func TestAttackFloods(t *testing.T) {
	rounds, span := attackRounds(t)
	own, neighbour := newTarget(t), newTarget(t)
	nobody := func(target) registered { return registered{} }
	unknown := func(target) registered {
		return registered{Username: "00000000-0000-4000-8000-00000000ffff", Subdomain: "x"}
	}
	floods := map[string]struct {
		as   func(target) registered
		kept int
	}{
		"registrations":             {nobody, 0},
		"wrong passwords, known":    {func(x target) registered { return x.account }, 0},
		"wrong passwords, imported": {func(x target) registered { return x.imported }, 0},
		"wrong passwords, unknown":  {unknown, 0},
		"registrations, 64 kept":    {nobody, 64},
		"unknown, 1000 kept":        {unknown, 1000},
	}
	sockets, memory := own.sockets(), own.memoryMB()
	ratios := make(map[string][]float64)
	base := 0
	for range rounds {
		for name, flood := range floods {
			idle := askSteadily(t, own.dns, own.account.FullDomain, span)
			for where, flooded := range map[string]target{"own": own, "neighbour": neighbour} {
				busy, answers := whileFlooded(t, own, flooded, flooding{PerSecond: 1000, Kept: flood.kept, Base: base, As: flood.as(flooded)}, span)
				base += max(200, flood.kept)
				t.Logf("%s, %s: DNS idle %v; flooded %v; answers %s; %.0f MB", name, where, idle, busy, answers, own.memoryMB())
				for _, q := range []float64{0.5, 0.99} {
					key := fmt.Sprintf("%-25s p%-2.0f of %s", name, 100*q, where)
					ratios[key] = append(ratios[key], float64(busy.quantile(q))/float64(idle.quantile(q)))
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(ratios)) {
		t.Logf("%s, flooded to idle, median: %.2f", key, median(ratios[key]))
	}
	status, err := oneRequest(own.api, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}, updateText(own.imported, own.imported.Password, strings.Repeat("f", 43)))
	if status != 200 {
		t.Errorf("the imported account's client: %d, %v", status, err)
	}
	eventually(t, "the connections are gone", func() bool { return own.sockets() <= sockets })
	t.Logf("memory before %.0f MB, after %.0f MB", memory, own.memoryMB())
}

// importBcrypt takes over an account with a bcrypt hash, from a folder as psql writes it.
func importBcrypt(t *testing.T, config, dir string) registered {
	t.Helper()
	a := registered{
		Username: "00000000-0000-4000-8000-000000000001", Subdomain: "10000000-0000-4000-8000-000000000001", Password: zone.NewPassword(),
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(a.Password), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(dir, "acme-dns")
	if err := os.Mkdir(from, 0o700); err != nil {
		t.Fatal(err)
	}
	records := "Username,Password,Subdomain,AllowFrom\n" + a.Username + "," + string(hash) + "," + a.Subdomain + ",[]\n"
	for name, text := range map[string]string{"records.csv": records, "txt.csv": "Subdomain,Value,LastUpdate\n"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, errs, code := command(t, "import", from, "--config", config); code != exitDone {
		t.Fatalf("%d: %s%s", code, out, errs)
	}
	return a
}
