package zonetext

import (
	"io"
	"io/fs"
	"strings"
	"time"
)

var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// read is io.ReadAll for a map of texts.
func readFrom(texts map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, ok := texts[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return io.ReadAll(strings.NewReader(text))
	}
}
