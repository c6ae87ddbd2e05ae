package zonetext

import "bytes"

// WithLine returns the text with a line (without its newline) at the end, where it
// can't change what any other line means. The names in it must be absolute, and a
// record must have owner and TTL, as an $ORIGIN or $TTL may be in force there. A
// newline that is missing before it is added, in the line ending that the file has.
func (f *File) WithLine(line string) []byte {
	ending := f.lineEnding()
	text := make([]byte, 0, len(f.text)+len(line)+2*len(ending))
	text = append(text, f.text...)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, ending...)
	}
	text = append(text, line...)
	return append(text, ending...)
}

// lineEnding returns that of the last line that has one.
func (f *File) lineEnding() string {
	last := bytes.LastIndexByte(f.text, '\n')
	if last > 0 && f.text[last-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// WithoutLines returns the text without the lines that match, and how many those
// were. Each line is given without its newline; a record or directive over several
// lines is one, with the newlines in it. Nothing else is touched, so a record without
// an owner after one that is removed gets another owner: SameBut tells.
func (f *File) WithoutLines(match func(line string) bool) ([]byte, int) {
	kept, removed := make([]byte, 0, len(f.text)), 0
	for line := range f.lines {
		if whole := f.at(line); !match(withoutNewline(whole)) {
			kept = append(kept, whole...)
		} else {
			removed++
		}
	}
	return kept, removed
}

// lines gives the whole text piece by piece: the lines of each entry, and each line
// between them.
func (f *File) lines(yield func(span) bool) {
	at := 0
	for _, e := range append(f.entries[:len(f.entries):len(f.entries)], entry{whole: span{len(f.text), len(f.text)}}) {
		for at < e.whole.start {
			line := span{at, e.whole.start}
			if end := bytes.IndexByte(f.at(line), '\n'); end >= 0 {
				line.end = at + end + 1
			}
			if at = line.end; !yield(line) {
				return
			}
		}
		if at = e.whole.end; !e.whole.empty() && !yield(e.whole) {
			return
		}
	}
}

func withoutNewline(line []byte) string {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r")))
}
