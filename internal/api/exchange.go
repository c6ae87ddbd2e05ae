package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"
)

// exchange is a request and what is known of it besides.
type exchange struct {
	*http.Request
	arrived time.Time
	client  netip.Addr      // who is calling; invalid where that isn't known
	gone    <-chan struct{} // closed when nobody can be answered any more, where that shows; else nil
	notes   []any           // for the log: account and the like, never a secret

	// For the audit log alone.
	proved    bool   // a password or token was right
	subdomain string // of the account whose password was
	value     string // of an update
}

func (e *exchange) note(keysAndValues ...any) { e.notes = append(e.notes, keysAndValues...) }

// answer makes a handler of a function that either answers or returns an error,
// and logs what came of it in one line.
func (h *handler) answer(what string, do func(http.ResponseWriter, *exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at(w, endpointOf(what))
		e := &exchange{arrived: time.Now(), client: h.Proxies.client(r), gone: gone(r)}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), writeWithin(h.Timeout))
		defer cancel()
		e.Request = r.WithContext(ctx)
		h.sayUnnamedProxy(r)
		err := do(w, e)
		if err != nil {
			writeError(w, err)
		}
		h.logExchange(what, e, err)
		h.Audit.Write(auditEntry(what, e, err)) // before the answer leaves, unless it is a long one
	}
}

// gone is closed when a request can't be answered any more: over HTTP/2 when its stream is
// over. Over HTTP/1 nobody can say. A client that has closed its half of the connection may
// wait for the answer, and looks like one that has hung up, so neither ends what was begun.
func gone(r *http.Request) <-chan struct{} {
	if r.ProtoMajor < 2 {
		return nil
	}
	return r.Context().Done()
}

// sayUnnamedProxy says once that a proxy stands in front that nobody has named.
func (h *handler) sayUnnamedProxy(r *http.Request) {
	if !h.Proxies.unnamed(r) {
		return
	}
	h.kept.proxy.Do(func() {
		h.Log.Warn("a request came through a proxy that isn't in api.trusted_proxies: all who come through it count as one client, in limits, in allow lists and in register_from", "proxy", r.RemoteAddr)
	})
}

func (h *handler) logExchange(what string, e *exchange, err error) {
	level, status := slog.LevelInfo, http.StatusOK
	args := append([]any{"client", clientText(e.client), "took", time.Since(e.arrived).Round(10 * time.Microsecond)}, e.notes...)
	if err != nil {
		level = slog.LevelWarn
		switch status, _ = statusOf(err); {
		case status >= http.StatusInternalServerError:
			level = slog.LevelError
		case h.limits.saidEnough(e.client, status, time.Now()):
			level = slog.LevelDebug
		}
		args = append(args, "status", status, "err", err)
		what += " refused"
	}
	h.Log.Log(e.Context(), level, what, args...)
}

func clientText(addr netip.Addr) string {
	if !addr.IsValid() {
		return "unknown"
	}
	return addr.String()
}

// recovered answers a request whose handler panicked, which is a bug, with JSON
// like any other error, and logs where it was. An answer that was cut off on purpose
// stays so.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			switch v {
			case nil:
				return
			case http.ErrAbortHandler:
				panic(v)
			}
			log.Error("a request met a bug in acmezone", "err", fmt.Sprint(v), "stack", string(debug.Stack()))
			writeReason(w, fmt.Errorf("panic: %v", v), "")
		}()
		next.ServeHTTP(w, r)
	})
}
