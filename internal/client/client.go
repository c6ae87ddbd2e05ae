// Package client is the command line as a client of a running service.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// answerTime bounds one request to the service, besides what a change may wait for name
// servers.
const answerTime = time.Minute

// Client speaks to the admin socket of a running service. It may be used by any
// number of goroutines.
type Client struct{ http *http.Client }

// Dial connects to the socket at path and hangs up again: an error that wraps
// ENOENT or ECONNREFUSED means that no service runs there. Timeout is the service's own,
// publish.timeout.
func Dial(ctx context.Context, path string, timeout time.Duration) (*Client, error) {
	dialer := &net.Dialer{}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return over(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", path)
	}, timeout), nil
}

func over(dial func(context.Context, string, string) (net.Conn, error), timeout time.Duration) *Client {
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: answerTime + timeout}}
}

// Do makes a change durable; a value that is set or removed is waited for until every
// name server answers accordingly. Errors are those of package zone.
func (c *Client) Do(ctx context.Context, change zone.Change) error {
	kind, body, err := zone.EncodeChange(change)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, "/changes/"+kind, body, io.Discard)
}

// Tokens returns the tokens without their secrets.
func (c *Client) Tokens(ctx context.Context) (tokens []zone.Token, err error) {
	err = c.read(ctx, http.MethodGet, "/tokens", nil, &tokens)
	return tokens, err
}

// Accounts returns a page of the accounts that the filter means, without their secrets.
func (c *Client) Accounts(ctx context.Context, filter zone.AccountFilter) (accounts []zone.Account, err error) {
	body, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	err = c.read(ctx, http.MethodPost, "/accounts", body, &accounts)
	return accounts, err
}

// FindAccount returns the account of a domain, user name, subdomain or full name.
func (c *Client) FindAccount(ctx context.Context, name string) (account zone.Account, err error) {
	err = c.read(ctx, http.MethodGet, "/account?name="+url.QueryEscape(name), nil, &account)
	return account, err
}

// Values returns the values that an owner has, oldest first.
func (c *Client) Values(ctx context.Context, owner string) (values []zone.Value, err error) {
	err = c.read(ctx, http.MethodGet, "/values?owner="+url.QueryEscape(owner), nil, &values)
	return values, err
}

// Certificate says how the API's own certificate is.
func (c *Client) Certificate(ctx context.Context) (status zone.CertificateStatus, err error) {
	err = c.read(ctx, http.MethodGet, "/certificate", nil, &status)
	return status, err
}

// WriteZone writes the zone file of what is durable.
func (c *Client) WriteZone(ctx context.Context, w io.Writer) error {
	return c.do(ctx, http.MethodGet, "/zone", nil, w)
}

// Close ends idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

func (c *Client) read(ctx context.Context, method, path string, body []byte, into any) error {
	var answer bytes.Buffer
	if err := c.do(ctx, method, path, body, &answer); err != nil {
		return err
	}
	return json.Unmarshal(answer.Bytes(), into)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, into io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://acmezone"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking the running service: %w", withoutURL(err))
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(response)
	}
	_, err = io.Copy(into, response.Body)
	return err
}

// refusal makes an error of the service's reason.
func refusal(response *http.Response) error {
	var answer struct{ Error, Reason string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error == "" {
		return fmt.Errorf("the running service answered %s", response.Status)
	}
	if answer.Reason == "" {
		return errors.New(answer.Error)
	}
	return reasonError{answer.Reason}
}

// reasonError is an error of the service's, in its words.
type reasonError struct{ reason string }

func (e reasonError) Error() string { return e.reason }

// Is reports whether the service meant one of the errors that the layers share: its
// words hold theirs, as wrapping does.
func (e reasonError) Is(target error) bool {
	shared := target == zone.ErrNotPublished || slices.Contains(zone.Errors, target)
	return shared && strings.Contains(e.reason, target.Error())
}
