package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// MaxImport is how many accounts a running service takes over at once: updates
	// wait meanwhile, for a second or two, on a busy machine for five.
	MaxImport = 50_000
	// maxImportBytes is room for that many.
	maxImportBytes = MaxImport * 2048
	// longRequest bounds an import or a backup, which take longer than any update may.
	longRequest = 10 * time.Minute
)

// importRows takes accounts over, one JSON object each. They are gathered in a file
// first: the one transaction that all changes wait for must not wait for a sender.
func (a *adminHandler) importRows(w http.ResponseWriter, r *http.Request) error {
	allowLong(w)
	spool, err := os.CreateTemp("", "acmezone-import-")
	if err != nil {
		return err
	}
	defer spool.Close()
	if err := os.Remove(spool.Name()); err != nil { // it goes with its descriptor
		return err
	}
	_, err = io.Copy(spool, http.MaxBytesReader(w, r.Body, maxImportBytes))
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case err != nil:
		return fmt.Errorf("%w: %w", zone.ErrSource, err)
	}
	dryRun := r.URL.Query().Has("dry-run")
	result, err := a.admin.Import(r.Context(), decodeRows(spool), dryRun)
	if err != nil {
		return err
	}
	a.log.Info("accounts were imported", "new", result.New, "there", result.Present, "skipped", result.Skipped, "values", result.Values, "dry_run", dryRun)
	return answerWith(w, result, nil)
}

// allowLong lifts the server's own bounds, which are meant for updates. Where that
// can't be, they hold.
func allowLong(w http.ResponseWriter) {
	control, until := http.NewResponseController(w), time.Now().Add(longRequest)
	_ = control.SetReadDeadline(until)
	_ = control.SetWriteDeadline(until)
}

func decodeRows(from io.Reader) iter.Seq2[zone.ImportRow, error] {
	return func(yield func(zone.ImportRow, error) bool) {
		decoder := json.NewDecoder(from)
		for n := 1; ; n++ {
			var row zone.ImportRow
			err := decoder.Decode(&row)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil && n > MaxImport {
				err = errTooLarge
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// backup answers a copy of the database. One that is cut off is shorter than announced.
func (a *adminHandler) backup(w http.ResponseWriter, r *http.Request) error {
	allowLong(w)
	w.Header().Set("Content-Type", "application/vnd.sqlite3")
	written := &countingWriter{to: w}
	err := a.admin.Backup(r.Context(), written)
	if err != nil && written.n > 0 {
		a.log.Warn("a backup was cut off", "err", err)
		panic(http.ErrAbortHandler)
	}
	if err == nil {
		a.log.Info("a backup was made", "bytes", written.n)
	}
	return err
}

type countingWriter struct {
	to io.Writer
	n  int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}
