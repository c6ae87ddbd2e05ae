package zonegen

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
)

// The last line of a file counts its records and carries a checksum of everything
// before it. NSD takes a file that was cut off at a line end in silence; by this
// line such a file is told from a whole one, and one that was edited by hand from
// one that is as acmezone left it. Reading a file back this way costs a twentieth of
// what parsing it does.
const (
	markBegin  = "; end of zone: "
	markMiddle = " records, checksum "
	// markLength is the longest that the line can be.
	markLength = len(markBegin) + 20 + len(markMiddle) + 8 + 1
)

// ErrNoMark: the file doesn't end in a mark, so acmezone didn't write it, or not all
// of it.
var ErrNoMark = errors.New("it doesn't end in acmezone's end mark")

// ErrAltered: the file ends in a mark, and what comes before it is not what was
// written.
var ErrAltered = errors.New("it is not as acmezone wrote it")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func endMark(records int, sum uint32) string {
	return fmt.Sprintf("%s%d%s%08x\n", markBegin, records, markMiddle, sum)
}

// Proven reports whether the file of that size is whole and as Write wrote it: nil,
// ErrNoMark, ErrAltered or an error of reading. It holds none of it in memory.
func Proven(file io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, int64(markLength)))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	begin := bytes.LastIndex(tail, []byte("\n"+markBegin)) + 1
	if begin == 0 {
		return ErrNoMark
	}
	want, ok := readMark(string(tail[begin:]))
	if !ok {
		return ErrNoMark
	}
	before := size - int64(len(tail)-begin)
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, before)); err != nil {
		return err
	}
	if sum.Sum32() != want {
		return ErrAltered
	}
	return nil
}

func readMark(line string) (sum uint32, ok bool) {
	line, whole := strings.CutSuffix(line, "\n")
	_, digits, found := strings.Cut(line, markMiddle)
	n, err := strconv.ParseUint(digits, 16, 32)
	return uint32(n), whole && found && err == nil
}
