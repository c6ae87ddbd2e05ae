package attach

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// order is what the service asks of the helper: one line of JSON, one of the two.
type order struct {
	Attach *Binding `json:"attach,omitempty"`
	Detach *Binding `json:"detach,omitempty"` // its domain alone
}

// answer is the helper's line.
type answer struct {
	Error    string      `json:"error,omitempty"`
	Serial   zone.Serial `json:"serial,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
}

const (
	// longestOrder is more than two names of 255 octets take.
	longestOrder = 2048
	// askingTime is how long a client may take for its line, which it has ready.
	askingTime = 5 * time.Second
	// editTime bounds an edit, with all that is waited for.
	editTime = 80 * time.Second
	// mostClients wait at the same time; edits are done one by one.
	mostClients = 64
)

// Serve edits zones for whoever may connect, one edit at a time, until ctx is done. It is
// the part of acmezone that may write customers' zones, and it trusts the service, which
// faces the internet, with nothing but a domain and a target: open returns an Editor made
// of the operator's own configuration, for each order anew.
func Serve(ctx context.Context, l net.Listener, open func() (*Editor, error), log *slog.Logger) error {
	h := &helper{open: open, log: log}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer h.clients.Wait()
	room := make(chan struct{}, mostClients)
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			log.Warn("a connection was not accepted", "err", err)
			if !sleep(ctx, 100*time.Millisecond) { // such as with too many open files
				return nil
			}
			continue
		}
		room <- struct{}{}
		h.clients.Go(func() {
			defer func() { <-room }()
			h.serve(ctx, conn)
		})
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

type helper struct {
	open    func() (*Editor, error)
	log     *slog.Logger
	clients sync.WaitGroup
	edits   sync.Mutex // held during an edit
}

// serve answers one order.
func (h *helper) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(askingTime))
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	o, err := readOrder(conn)
	stop()
	from := audit.Peer(conn)
	if err != nil {
		h.log.Warn("what was asked can't be read", "from", from.Text(), "err", err)
		h.answer(conn, answer{Error: err.Error()})
		return
	}
	h.answer(conn, h.edit(ctx, o, from))
}

func readOrder(r io.Reader) (order, error) {
	var o order
	line, err := bufio.NewReader(io.LimitReader(r, longestOrder)).ReadBytes('\n')
	if err != nil {
		return o, fmt.Errorf("no whole line of up to %d octets came: %w", longestOrder, err)
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, fmt.Errorf("the line is not JSON as expected: %w", err)
	}
	if (o.Attach == nil) == (o.Detach == nil) {
		return o, errors.New(`the line holds neither {"attach": {"domain": …, "target": …}} nor {"detach": {"domain": …}}`)
	}
	return o, nil
}

// edit does what was ordered, after the others. An edit that has begun is not broken off
// because its client has gone, and the helper stops when it is done.
func (h *helper) edit(ctx context.Context, o order, from audit.Who) answer {
	h.edits.Lock()
	defer h.edits.Unlock()
	if ctx.Err() != nil {
		return answer{Error: "the helper is being stopped: try again"}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), editTime)
	defer cancel()
	results, err := h.carryOut(ctx, o, from)
	a := answer{}
	for _, r := range results {
		a.Serial, a.Warnings = r.Serial, append(a.Warnings, r.Warnings...)
	}
	what, b := "attach", o.Attach
	if b == nil {
		what, b = "detach", o.Detach
	}
	fields := []any{"domain", b.Domain, "target", b.Target, "serial", a.Serial, "warnings", a.Warnings, "from", from.Text()}
	if err != nil {
		a.Error = err.Error()
		h.log.Error(what+" failed", append(fields, "err", err)...)
		return a
	}
	h.log.Info(what, fields...)
	return a
}

func (h *helper) carryOut(ctx context.Context, o order, from audit.Who) ([]Result, error) {
	editor, err := h.open()
	if err != nil {
		return nil, fmt.Errorf("the helper's configuration: %w", err)
	}
	editor.Who = from
	switch {
	case o.Attach != nil:
		return editor.AttachAll(ctx, []Binding{*o.Attach})
	}
	return editor.DetachAll(ctx, []string{o.Detach.Domain})
}

func (h *helper) answer(conn net.Conn, a answer) {
	conn.SetDeadline(time.Now().Add(askingTime))
	if err := json.NewEncoder(conn).Encode(a); err != nil {
		h.log.Warn("the answer could not be given", "err", err)
	}
}
