package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/acmezone/acmezone/internal/zone"
)

// Import has the service take accounts over, all of them or none. The rows are read to
// their end, or to their first error, before anything is done.
func (c *Client) Import(ctx context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (result zone.ImportResult, err error) {
	path := "/import"
	if dryRun {
		path += "?dry-run"
	}
	body, sender := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := send(sender, rows)
		_ = sender.CloseWithError(err) // it never fails
		sent <- err
	}()
	err = c.stream(ctx, http.MethodPost, path, body, func(answer io.Reader) error {
		return json.NewDecoder(answer).Decode(&result)
	})
	_ = body.Close() // so that the sender ends, if it hasn't
	if failed := <-sent; failed != nil && failed != io.ErrClosedPipe {
		err = fmt.Errorf("%w: %w", zone.ErrSource, failed) // the cause, not its effect on the request
	}
	return result, err
}

func send(to io.Writer, rows iter.Seq2[zone.ImportRow, error]) error {
	encoder := json.NewEncoder(to)
	for row, err := range rows {
		if err == nil {
			err = encoder.Encode(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Backup writes a copy of the service's database.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.stream(ctx, http.MethodGet, "/backup", nil, func(answer io.Reader) error {
		_, err := io.Copy(w, answer)
		return err
	})
}

// stream is a request whose length nobody knows, so that no time bounds it but the
// service's.
func (c *Client) stream(ctx context.Context, method, path string, body io.Reader, take func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://acmezone"+path, body)
	if err != nil {
		return err
	}
	unbounded := &http.Client{Transport: c.http.Transport}
	response, err := unbounded.Do(request)
	if err != nil {
		return fmt.Errorf("asking the running service: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(response)
	}
	if err := take(response.Body); err != nil {
		return fmt.Errorf("the running service's answer: %w", err)
	}
	return nil
}

// Import is an operator's.
func (r *Remote) Import(context.Context, iter.Seq2[zone.ImportRow, error], bool) (result zone.ImportResult, err error) {
	return result, ErrOperator
}

// Backup is an operator's.
func (r *Remote) Backup(context.Context, io.Writer) error { return ErrOperator }
