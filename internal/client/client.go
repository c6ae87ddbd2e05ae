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
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// answerTime bounds one request to the service, which answers or fails sooner.
const answerTime = time.Minute

// Client speaks to the admin socket of a running service. It may be used by any
// number of goroutines.
type Client struct{ http *http.Client }

// Dial connects to the socket at path and hangs up again: an error that wraps
// ENOENT or ECONNREFUSED means that no service runs there.
func Dial(ctx context.Context, path string) (*Client, error) {
	dialer := &net.Dialer{}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", path)
	}}
	return &Client{&http.Client{Transport: transport, Timeout: answerTime}}, nil
}

// AddToken stores a registration token.
func (c *Client) AddToken(ctx context.Context, token zone.Token) error {
	body, err := json.Marshal(token)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, "/tokens", body, io.Discard)
}

// Tokens returns the tokens without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]zone.Token, error) {
	var answer bytes.Buffer
	if err := c.do(ctx, http.MethodGet, "/tokens", nil, &answer); err != nil {
		return nil, err
	}
	var tokens []zone.Token
	return tokens, json.Unmarshal(answer.Bytes(), &tokens)
}

// RevokeToken removes a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, io.Discard)
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

func (c *Client) do(ctx context.Context, method, path string, body []byte, into io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://acmezone"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking the running service: %w", err)
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
	return errors.New(answer.Reason)
}
