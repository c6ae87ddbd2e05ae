package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// The benchmarks run the whole service, sockets and disk included, and drive it
// with a client that writes prepared bytes and reads no more than it must, so that
// the service is what is measured. What is compared runs in one process, in turns.

// benchAccount is the i-th account of a prepared database.
func benchAccount(i int) (username, subdomain, password string) {
	var id [16]byte
	binary.BigEndian.PutUint64(id[8:], uint64(i)*0x9E3779B97F4A7C15) // spread over the index
	id[6], id[8] = 0x40, id[8]&0x3F|0x80
	u := uuid.UUID(id).String()
	return u, u, "password-" + strconv.Itoa(i)
}

// benchDatabase makes a database of so many accounts and returns its folder.
func benchDatabase(b *testing.B, accounts int) string {
	b.Helper()
	dir := b.TempDir()
	svc := benchService(b, dir)
	if err := svc.close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "acmezone.db"))
	if err != nil {
		b.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	insert, err := tx.Prepare("INSERT INTO accounts (username, subdomain, password, allowfrom, created, updated, comment) VALUES (?, ?, ?, '[]', 1, 0, '')")
	if err != nil {
		b.Fatal(err)
	}
	for i := range accounts {
		username, subdomain, password := benchAccount(i)
		secret := zone.SecretOf(password)
		if _, err := insert.Exec(username, subdomain, secret[:]); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(tx.Commit(), db.Close()); err != nil {
		b.Fatal(err)
	}
	syscall.Sync() // what is still on its way to the disk would slow the first syncs
	return dir
}

func benchService(b *testing.B, dir string, environ ...string) *service {
	b.Helper()
	cfg, err := config.Dev(dir, append(environ, "ACMEZONE_API_LISTEN=127.0.0.1:0", "ACMEZONE_DNS_LISTEN=127.0.0.1:0"))
	if err != nil {
		b.Fatal(err)
	}
	svc, err := newService(context.Background(), cfg, startup{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return svc
}

// running starts a service and returns its address; it is stopped with the benchmark.
func running(b *testing.B, svc *service) string {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- svc.run(ctx, func() { close(ready) }) }()
	<-ready
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	for svc.pipeline.Health(context.Background()) != nil {
		runtime.Gosched()
	}
	return svc.api[0].Addr().String()
}

// bare is what net/http costs by itself: the same server, a handler that does
// nothing.
func bare(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	opts := api.ServeOptions{Timeout: time.Second, Log: slog.New(slog.DiscardHandler)}
	go func() { ended <- api.Serve(ctx, []net.Listener{l}, handler, opts) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return l.Addr().String()
}

// request writes the i-th request of a benchmark.
type request func(dst []byte, i int) []byte

func healthRequest(dst []byte, _ int) []byte {
	return append(dst, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"...)
}

func registerRequest(dst []byte, _ int) []byte {
	return append(dst, "POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"...)
}

// updateRequest goes through a thousand accounts, so far apart that they are spread
// over the whole database, each time with a new value.
func updateRequest(stride int) request {
	return func(dst []byte, i int) []byte {
		username, subdomain, password := benchAccount(i % 1000 * stride)
		body := fmt.Sprintf(`{"subdomain": "%s", "txt": "%043d"}`, subdomain, i)
		return fmt.Appendf(dst, "POST /update HTTP/1.1\r\nHost: x\r\nX-Api-User: %s\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
			username, password, len(body), body)
	}
}

// drive sends b.N requests over so many connections, each waiting for its answer
// before the next, and reports requests a second.
func drive(b *testing.B, addr string, connections, want int, next request) {
	b.Helper()
	var sent, failed atomic.Int64
	conns := make([]net.Conn, connections)
	for i := range conns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	b.ResetTimer()
	before := processorTime(b)
	var clients sync.WaitGroup
	for _, conn := range conns {
		clients.Go(func() {
			c := benchClient{conn: conn, reader: bufio.NewReader(conn)}
			for i := sent.Add(1); i <= int64(b.N); i = sent.Add(1) {
				c.request = next(c.request[:0], int(i))
				if status, err := c.exchange(); err != nil || status != want {
					failed.Add(1)
				}
			}
		})
	}
	clients.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
	if n := failed.Load(); n > 0 {
		b.Fatalf("%d of %d requests failed", n, b.N)
	}
}

// processorTime is what this process, service and client, has used so far. It says what
// something costs where others use the machine as well.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

type benchClient struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

var contentLength = []byte("Content-Length: ")

// exchange sends the request and reads the answer to its end.
func (c *benchClient) exchange() (status int, err error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	length := 0
	for {
		line, err := c.reader.ReadSlice('\n')
		switch {
		case err != nil:
			return 0, err
		case len(line) == 2:
			_, err := c.reader.Discard(length)
			return status, err
		case status == 0:
			status, err = strconv.Atoi(string(line[9:12]))
		case bytes.HasPrefix(line, contentLength):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		}
		if err != nil {
			return 0, err
		}
	}
}

var benchConnections = []int{1, 8, 64}

// BenchmarkHTTP compares, in one run: a handler that does nothing, /health,
// /update and /register.
func BenchmarkHTTP(b *testing.B) {
	addr := running(b, benchService(b, benchDatabase(b, 1000)))
	nothing := bare(b)
	for _, c := range benchConnections {
		b.Run(fmt.Sprintf("bare/conns=%d", c), func(b *testing.B) { drive(b, nothing, c, 200, healthRequest) })
		b.Run(fmt.Sprintf("health/conns=%d", c), func(b *testing.B) { drive(b, addr, c, 200, healthRequest) })
		b.Run(fmt.Sprintf("update/conns=%d", c), func(b *testing.B) { drive(b, addr, c, 200, updateRequest(1)) })
		b.Run(fmt.Sprintf("register/conns=%d", c), func(b *testing.B) { drive(b, addr, c, 201, registerRequest) })
	}
}

// BenchmarkSeen compares, in one run, updates that nobody counts or writes down with those
// of a service that has metrics, an audit log, or both.
func BenchmarkSeen(b *testing.B) {
	counted := "ACMEZONE_ADMIN_LISTEN=127.0.0.1:0"
	written := "ACMEZONE_LOG_AUDIT=" + filepath.Join(b.TempDir(), "audit.log")
	for name, environ := range map[string][]string{"none": nil, "metrics": {counted}, "audit": {written}, "both": {counted, written}} {
		addr := running(b, benchService(b, benchDatabase(b, 1000), environ...))
		for _, c := range benchConnections {
			b.Run(fmt.Sprintf("%s/conns=%d", name, c), func(b *testing.B) { drive(b, addr, c, 200, updateRequest(1)) })
		}
	}
}

// BenchmarkAccounts shows what a database of a million accounts costs, beside one
// of a thousand: start-up, updates, and the memory of the service as a process of
// its own. The updates of both go to a thousand live names, since it is the
// accounts that are compared.
func BenchmarkAccounts(b *testing.B) {
	for _, accounts := range []int{1_000, 1_000_000} {
		dir := benchDatabase(b, accounts)
		b.Run(fmt.Sprintf("start/accounts=%d", accounts), func(b *testing.B) {
			for range b.N {
				svc := benchService(b, dir)
				b.StopTimer()
				if err := svc.close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("update/accounts=%d", accounts), func(b *testing.B) {
			p := start(b, writeTestConfig(b, dir))
			drive(b, p.api, 64, 200, updateRequest(accounts/1000))
			b.ReportMetric(residentMB(b, p.pid()), "rss-MB")
			if err := p.stop(); err != nil {
				b.Error(err)
			}
		})
	}
}

// residentMB is the memory of a process that is its own, in MiB.
func residentMB(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
