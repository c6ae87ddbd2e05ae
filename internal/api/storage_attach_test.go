package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/api"
)

// attacher stands in for what edits the customers' zones.
type attacher struct {
	mu    sync.Mutex
	calls []string
	err   error
	takes time.Duration
	ended error // why the last call ended early
}

func (a *attacher) Attach(ctx context.Context, domain, target string) error {
	a.mu.Lock()
	a.calls = append(a.calls, domain+" "+target)
	takes, err := a.takes, a.err
	a.mu.Unlock()
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		err = ctx.Err()
		a.mu.Lock()
		a.ended = err
		a.mu.Unlock()
	}
	return err
}

func (a *attacher) called() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func (a *attacher) endedEarly() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}

func TestAttachedDomainIsCreated(t *testing.T) {
	attaching := &attacher{}
	b := start(t, func(o *api.Options) { o.Attacher = attaching })
	c := b.tenant("t", "a.test", "b.test")
	answer := func(domain string, attached bool) string {
		return fmt.Sprintf(`{"domain":%q,"target":%q,"attached":%t}`, domain, c.FullDomain, attached)
	}
	b.want("attached", b.store(c.token, "*.A.test.", c.credentials), 201, answer("a.test", true))
	attaching.err = errors.New("the zone is signed")
	b.want("not attached", b.store(c.token, "b.test", c.credentials), 200, answer("b.test", false))
	if log := b.log.String(); !strings.Contains(log, "the CNAME was not installed: mend what err says, and type 'acmezone attach ") || !strings.Contains(log, "the zone is signed") {
		t.Errorf("%s", log)
	}
	b.wantUpdate("bound all the same", b.read(c.token, "b.test"), 200)

	// Nothing that is refused reaches a zone.
	b.store(c.token, "a.test", c.credentials)
	b.store(c.token, "c.test", c.credentials)
	b.ask("POST", "/storage/a.test", "{}", bearer(c.token))
	b.store("acmezone_none", "a.test", c.credentials)
	if want := []string{"a.test " + c.FullDomain + ".", "b.test " + c.FullDomain + "."}; !slices.Equal(attaching.called(), want) {
		t.Errorf("%q", attaching.called())
	}
}

// pipes is a listener within the process, for tests in which hours pass in no time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- fromLoopback{theirs}:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

type fromLoopback struct{ net.Conn }

func (fromLoopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// startTimeless is start in a bubble of testing/synctest.
func startTimeless(t *testing.T, protocols *http.Protocols, change func(*api.Options)) *bed {
	p := newPipes()
	return startOn(t, p, &http.Transport{DialContext: p.dial, Protocols: protocols}, change)
}

// TestSlowAttachIsWaitedFor waits for longer than the server lets answers take.
func TestSlowAttachIsWaitedFor(t *testing.T) {
	http1, http2 := new(http.Protocols), new(http.Protocols)
	http1.SetHTTP1(true)
	http2.SetUnencryptedHTTP2(true)
	for name, protocols := range map[string]*http.Protocols{"HTTP/1.1": http1, "HTTP/2": http2} {
		for _, c := range []struct {
			takes  time.Duration
			status int
		}{{85 * time.Second, 201}, {time.Hour, 200}} {
			t.Run(fmt.Sprint(name, " ", c.takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					attaching := &attacher{takes: c.takes}
					b := startTimeless(t, protocols, func(o *api.Options) { o.Attacher = attaching })
					who := b.tenant("t", "*")
					began := time.Now()
					if a := b.store(who.token, "a.test", who.credentials); a.status != c.status {
						t.Errorf("%d %s", a.status, a.body)
					}
					// lego's own limit.
					if took := time.Since(began); took > 2*time.Minute || took < min(c.takes, time.Minute) {
						t.Errorf("after %v", took)
					}
				})
			})
		}
	}
}

func TestClientThatHangsUpDoesNotEndAnAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attaching := &attacher{takes: time.Minute}
		b := startTimeless(t, nil, func(o *api.Options) { o.Attacher = attaching })
		who := b.tenant("t", "*")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, "POST", "http://"+b.addr+"/storage/a.test", strings.NewReader(claim(who.credentials)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+who.token)
		if response, err := b.http.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			t.Fatal(response.Status)
		}
		time.Sleep(2 * time.Minute) // the bubble's
		synctest.Wait()
		if log := b.log.String(); attaching.endedEarly() != nil || !strings.Contains(log, "attached=true") {
			t.Errorf("%v\n%s", attaching.endedEarly(), log)
		}
	})
}

func TestServerThatStopsEndsAnAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attaching := &attacher{takes: time.Hour}
		b := startTimeless(t, nil, func(o *api.Options) { o.Attacher = attaching })
		who := b.tenant("t", "*")
		answered := make(chan answer, 1)
		go func() {
			defer close(answered) // also when there is no answer, which fails the test
			answered <- b.store(who.token, "a.test", who.credentials)
		}()
		synctest.Wait()
		if len(attaching.called()) != 1 {
			t.Fatal("nothing is under way")
		}
		began := time.Now()
		b.stop()
		if took := time.Since(began); took > enough+10*time.Second || !errors.Is(attaching.endedEarly(), context.Canceled) {
			t.Errorf("after %v, %v", took, attaching.endedEarly())
		}
		if a := <-answered; a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
