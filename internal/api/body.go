package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
)

// maxBody is the size of the largest body that is read.
const maxBody = 16 << 10

// readBody reads a body of whatever Content-Type and length, announced or not.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow
	case err != nil:
		return nil, errMalformed
	}
	return body, nil
}

// unmarshalObject reads a JSON object; key names match without case, as some
// clients capitalise them.
func unmarshalObject(body []byte, into any) error {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return errMalformed
	}
	if json.Unmarshal(body, into) != nil {
		return errMalformed
	}
	return nil
}
