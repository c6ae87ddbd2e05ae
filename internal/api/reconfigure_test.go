package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/zone"
)

// TestReconfigureTakesNewRequests by the new options, on the connection that was there.
func TestReconfigureTakesNewRequests(t *testing.T) {
	b := start(t, nil)
	b.register("")
	opts := b.opts
	opts.Registration, opts.PathPrefix = api.RegistrationClosed, "/acme"
	b.handler.Reconfigure(opts)
	if a := b.ask(http.MethodPost, "/register", ""); a.status != http.StatusNotFound {
		t.Errorf("without the prefix: %d %s", a.status, a.body)
	}
	if a := b.ask(http.MethodPost, "/acme/register", ""); a.status != http.StatusForbidden {
		t.Errorf("closed: %d %s", a.status, a.body)
	}
}

// TestReconfiguredTimeoutIsLongerThanTheServers: a request may wait for as long as the
// options of now say, whatever the server was started with.
func TestReconfiguredTimeoutIsLongerThanTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		http1 := new(http.Protocols)
		http1.SetHTTP1(true)
		b := startTimeless(t, http1, nil)
		opts := b.opts
		opts.Timeout = 5 * time.Minute
		b.handler.Reconfigure(opts)
		b.timeout.Store(int64(opts.Timeout))
		c := b.register("")
		b.ns.setFail(errors.New("it is down"))
		began := time.Now()
		a := b.update(c, txt(c))
		if took := time.Since(began); a.status != http.StatusServiceUnavailable || took < time.Minute {
			t.Errorf("%d %s after %v", a.status, a.body, took)
		}
	})
}

// slowAdmin takes as long over a change as publish.timeout lets it.
type slowAdmin struct {
	api.Admin
	takes time.Duration
}

func (a slowAdmin) Do(context.Context, zone.Change) error {
	time.Sleep(a.takes)
	return nil
}

// TestOperatorWaitsByTheTimeoutOfNow as well, over the admin socket.
func TestOperatorWaitsByTheTimeoutOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		log := slog.New(slog.DiscardHandler)
		stop := background(t, func(ctx context.Context) error {
			return api.Serve(ctx, []net.Listener{p}, api.NewAdmin(slowAdmin{takes: 4 * time.Minute}, log), api.ServeOptions{
				Timeout: 10 * time.Second, TimeoutNow: func() time.Duration { return 5 * time.Minute }, Log: log,
			})
		})
		defer stop()
		client := &http.Client{Transport: &http.Transport{DialContext: p.dial}}
		defer client.CloseIdleConnections()
		response, err := client.Post("http://x/changes/remove-value", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Error(response.Status)
		}
	})
}
