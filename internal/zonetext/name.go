package zonetext

import (
	"bytes"
	"fmt"
	"strings"
)

// absolute returns the name that a field stands for, in lower case, escaped as the
// DNS library escapes, so that two spellings of one name are the same string. Quotes
// are read as NSD reads them, which takes a quoted string for a label.
func absolute(field []byte, origin string) string {
	if string(field) == "@" {
		return origin
	}
	name, complete := canonical(field)
	switch {
	case complete:
		return name
	case origin == ".":
		return name + "."
	}
	return name + "." + origin
}

// canonical also reports whether the name ends with a dot.
func canonical(field []byte) (name string, complete bool) {
	if !bytes.ContainsFunc(field, needsCare) {
		return strings.ToLower(string(field)), bytes.HasSuffix(field, []byte("."))
	}
	var out strings.Builder
	quoted := false
	for at := 0; at < len(field); {
		c := field[at]
		if complete = c == '.' && !quoted; complete {
			out.WriteByte('.')
			at++
			continue
		}
		if c == '"' {
			quoted = !quoted
			at++
			continue
		}
		octet, length := unescape(field[at:])
		writeOctet(&out, octet)
		at += length
	}
	return out.String(), complete
}

// needsCare holds for what the library escapes, or may stand for something else.
func needsCare(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune(`'@;()"\`, c)
}

func writeOctet(out *strings.Builder, c byte) {
	switch {
	case c < ' ' || c > '~':
		fmt.Fprintf(out, `\%03d`, c)
	case strings.IndexByte(`. '@;()"\`, c) >= 0:
		out.WriteByte('\\')
		out.WriteByte(c)
	case c >= 'A' && c <= 'Z':
		out.WriteByte(c + 'a' - 'A')
	default:
		out.WriteByte(c)
	}
}

// unescape returns the first octet of a text that isn't empty, and how many bytes it
// takes there: \DDD and \X are one (RFC 1035, section 5.1).
func unescape(text []byte) (octet byte, length int) {
	if text[0] != '\\' || len(text) == 1 {
		return text[0], 1
	}
	if len(text) >= 4 && allDigits(text[1:4]) {
		if value := int(text[1]-'0')*100 + int(text[2]-'0')*10 + int(text[3]-'0'); value <= 255 {
			return byte(value), 4
		}
	}
	return text[1], 2
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// plain returns a field without its quotes and escapes: a path, say.
func plain(field []byte) string {
	var out []byte
	for at := 0; at < len(field); {
		if field[at] == '"' {
			at++
			continue
		}
		octet, length := unescape(field[at:])
		out = append(out, octet)
		at += length
	}
	return string(out)
}

// unquoted takes the quotes off a field that is one quoted string; the escapes stay.
func unquoted(field []byte) []byte {
	if len(field) < 2 || field[0] != '"' || bytes.IndexByte(field[1:], '"') != len(field)-2 {
		return field
	}
	return field[1 : len(field)-1]
}
