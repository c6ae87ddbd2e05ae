package api_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/api"
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
		c := b.register("")
		b.ns.setFail(errors.New("it is down"))
		began := time.Now()
		a := b.update(c, txt(c))
		if took := time.Since(began); a.status != http.StatusServiceUnavailable || took < time.Minute {
			t.Errorf("%d %s after %v", a.status, a.body, took)
		}
	})
}
