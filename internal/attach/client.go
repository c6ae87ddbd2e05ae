package attach

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// Client has the helper do the edits. It may be used by any number of goroutines.
type Client struct{ socket string }

// Dial returns a client of the helper at a unix socket. Nothing is connected before there
// is something to do: systemd starts the helper then.
func Dial(socket string) *Client { return &Client{socket} }

// Attach puts one CNAME in place.
func (c *Client) Attach(ctx context.Context, domain, target string) error {
	return c.ask(ctx, order{Attach: &Binding{Domain: domain, Target: target}})
}

// Detach takes one out again.
func (c *Client) Detach(ctx context.Context, domain string) error {
	return c.ask(ctx, order{Detach: &Binding{Domain: domain}})
}

// answeringTime is how long the helper may take, edits of others before it included.
const answeringTime = editTime + 2*askingTime

func (c *Client) ask(ctx context.Context, o order) error {
	ctx, cancel := context.WithTimeout(ctx, answeringTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return c.explain(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewEncoder(conn).Encode(o); err != nil {
		return c.explain(err)
	}
	var a answer
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if ctx.Err() != nil {
		return fmt.Errorf("the helper at %s has not answered in time; the edit may be done all the same: %w", c.socket, ctx.Err())
	}
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		return c.explain(err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

// explain says what the operator can do.
func (c *Client) explain(err error) error {
	what := "gave no answer: see its log, 'journalctl -u acmezone-attach'"
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		what = "isn't there: type 'systemctl enable --now acmezone-attach.socket', or run 'acmezone attach-helper' as root"
	case errors.Is(err, os.ErrPermission):
		what = "may not be used by this user: SocketGroup= in acmezone-attach.socket names who may"
	}
	return fmt.Errorf("the helper at %s %s (%w)", c.socket, what, err)
}
