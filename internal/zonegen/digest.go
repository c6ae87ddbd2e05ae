package zonegen

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
)

// Digest returns a digest of what a file says, comments that stand in lines of their
// own left out: two files that acmezone wrote have the same digest only if they hold
// the same records.
func Digest(r io.Reader) ([sha256.Size]byte, error) {
	sum := sha256.New()
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if !bytes.HasPrefix(line, []byte(";")) {
			sum.Write(line)
		}
		if errors.Is(err, io.EOF) {
			return [sha256.Size]byte(sum.Sum(nil)), nil
		}
		if err != nil {
			return [sha256.Size]byte{}, err
		}
	}
}
