package dnsserve

import "encoding/binary"

// section is a part of a message, in wire order.
type section int

const (
	questionSection section = iota
	answerSection
	authoritySection
	additionalSection
	sections
)

const (
	classIN    = 1
	maxPointer = 0x3FFF // what 14 bits can point to
	maxTargets = 64     // names kept for compression: more is rare, and only costs octets
)

// message writes a response in wire form. One goroutine owns it.
type message struct {
	buf     []byte // from the header on
	limit   int    // octets that records may reach to; what follows them has its room beyond
	full    bool   // a record didn't fit: the message can't go out like this
	counts  [sections]uint16
	targets [maxTargets]uint16 // offsets of names that can be pointed to
	known   int                // how many of them
}

// mark is a state of a message to come back to.
type mark struct {
	length, known int
	counts        [sections]uint16
}

func (m *message) mark() mark { return mark{len(m.buf), m.known, m.counts} }

func (m *message) rewind(to mark) {
	m.buf, m.known, m.counts, m.full = m.buf[:to.length], to.known, to.counts, false
}

// question echoes the question bit by bit, and makes its name known.
func (m *message) question(q *query) {
	if len(q.question) == 0 {
		return
	}
	m.counts[questionSection]++
	m.buf = append(m.buf, q.question...)
	m.learn(headerLength, q.name)
}

// learn makes the name that was written at that offset, and each parent of it, a
// target of compression, as far as its labels go in n.
func (m *message) learn(at int, n wireName) {
	for len(n) > 0 && n[0] != 0 && at <= maxPointer && m.known < maxTargets {
		m.targets[m.known] = uint16(at)
		m.known++
		at += 1 + int(n[0])
		n = n.parent()
	}
}

// name writes a name, as a pointer where the same name, or a parent, is there
// already. An owner may take another's case, data keep theirs (fold false).
func (m *message) name(n wireName, fold bool) {
	start, rest := len(m.buf), n
	for rest[0] != 0 {
		if at, ok := m.find(rest, fold); ok {
			written := n[:len(n)-len(rest)]
			m.buf = append(m.buf, written...)
			m.buf = binary.BigEndian.AppendUint16(m.buf, pointerBits<<8|at)
			m.learn(start, written)
			return
		}
		rest = rest.parent()
	}
	m.buf = append(m.buf, n...)
	m.learn(start, n)
}

func (m *message) find(n wireName, fold bool) (at uint16, ok bool) {
	for _, at := range m.targets[:m.known] {
		if m.holds(int(at), n, fold) {
			return at, true
		}
	}
	return 0, false
}

// holds reports whether the name written at that offset is n.
func (m *message) holds(at int, n wireName, fold bool) bool {
	for {
		for m.buf[at]&pointerBits == pointerBits {
			at = int(m.buf[at]&^pointerBits)<<8 | int(m.buf[at+1])
		}
		size := 1 + int(n[0])
		if m.buf[at] != n[0] || !sameLabel(m.buf[at:at+size], n[:size], fold) {
			return false
		}
		if size == 1 {
			return true
		}
		at += size
		n = n[size:]
	}
}

func sameLabel(a, b []byte, fold bool) bool {
	return string(a) == string(b) || fold && equalFold(a, b)
}

// begin writes a record up to its data and returns where their length belongs.
func (m *message) begin(owner wireName, rrtype uint16, ttl uint32) (length int) {
	m.name(owner, true)
	m.buf = binary.BigEndian.AppendUint16(m.buf, rrtype)
	m.buf = binary.BigEndian.AppendUint16(m.buf, classIN)
	m.buf = binary.BigEndian.AppendUint32(m.buf, ttl)
	m.buf = append(m.buf, 0, 0)
	return len(m.buf) - 2
}

// end finishes the record that begin began.
func (m *message) end(s section, length int) {
	binary.BigEndian.PutUint16(m.buf[length:], uint16(len(m.buf)-length-2))
	m.counts[s]++
	m.full = m.full || len(m.buf) > m.limit
}

// rrset writes all records of a set.
func (m *message) rrset(s section, owner wireName, set *rrset) {
	for i := range set.data {
		if m.full {
			return
		}
		length := m.begin(owner, set.rrtype, set.ttl)
		m.data(&set.data[i])
		m.end(s, length)
	}
}

func (m *message) data(d *rdata) {
	m.buf = append(m.buf, d.before...)
	for _, n := range d.names {
		m.name(n, false)
	}
	m.buf = append(m.buf, d.after...)
}

// text writes a TXT record with that text.
func (m *message) text(s section, owner wireName, ttl uint32, text string) {
	if m.full {
		return
	}
	length := m.begin(owner, typeTXT, ttl)
	m.buf = appendText(m.buf, text)
	m.end(s, length)
}

// appendText appends TXT data: character strings of up to 255 octets (RFC 1035,
// 3.3.14).
func appendText(dst []byte, text string) []byte {
	for len(text) > 255 {
		dst = append(append(dst, 255), text[:255]...)
		text = text[255:]
	}
	return append(append(dst, byte(len(text))), text...)
}
