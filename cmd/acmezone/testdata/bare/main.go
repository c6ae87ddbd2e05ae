// Command bare is the least that has NSD serve a changed zone: it writes the whole
// file, asks for the reload, and polls until the new serial is answered. Acmezone is
// measured beside it. It keeps nothing, syncs nothing and proves nothing: one answer
// with the new serial is enough, also while NSD's old processes still answer the old
// one.
//
// For each line with a serial on standard input it changes one value, and writes how
// many nanoseconds that took, from the line to the answer.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pollEvery is the time between questions for the serial.
const pollEvery = time.Millisecond

// giveUp is how long NSD may take.
const giveUp = 30 * time.Second

type program struct {
	zone, file, control, addr string

	question []byte
	owners   []string
	values   []string
	changed  time.Time // the zone file's time of change
	turn     int       // how many values have been changed
}

func main() {
	p := &program{}
	flag.StringVar(&p.zone, "zone", "", "the zone's `name`, as nsd.conf has it")
	flag.StringVar(&p.file, "file", "", "its zone `file`")
	flag.StringVar(&p.control, "control", "", "NSD's control `socket`")
	flag.StringVar(&p.addr, "addr", "", "NSD's `host:port`")
	names := flag.Int("names", 1, "how many names have a value")
	flag.Parse()
	if err := p.run(*names); err != nil {
		log.Fatal(err)
	}
}

func (p *program) run(names int) error {
	p.question = soaQuestion(p.zone)
	p.fill(names)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		serial, err := strconv.ParseUint(lines.Text(), 10, 32)
		if err != nil {
			return err
		}
		begun := time.Now()
		if err := p.update(uint32(serial)); err != nil {
			return err
		}
		fmt.Println(time.Since(begun).Nanoseconds())
	}
	return lines.Err()
}

// fill makes names like acmezone's, one value each.
func (p *program) fill(names int) {
	for i := range names {
		n := uint64(i) * 0x9E3779B97F4A7C15 // spread as random ones are
		p.owners = append(p.owners, fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", n>>32, n>>16&0xFFFF, n&0xFFF, n>>52, n&0xFFFFFFFFFFFF))
		p.values = append(p.values, fmt.Sprintf("%043d", i))
	}
	slices.Sort(p.owners) // which spares NSD time
}

func (p *program) update(serial uint32) error {
	p.values[p.turn%len(p.values)] = fmt.Sprintf("value-%037d", p.turn)
	p.turn++
	if err := p.replace(serial); err != nil {
		return err
	}
	if err := p.reload(); err != nil {
		return err
	}
	return p.await(serial)
}

// replace puts a new file in the old one's place.
func (p *program) replace(serial uint32) error {
	next := p.file + ".new"
	file, err := os.Create(next)
	if err != nil {
		return err
	}
	if err := errors.Join(p.write(file, serial), file.Close(), p.age(next)); err != nil {
		return err
	}
	return os.Rename(next, p.file)
}

func (p *program) write(file io.Writer, serial uint32) error {
	w := bufio.NewWriterSize(file, 64<<10)
	fmt.Fprintf(w, "; Zone %s, serial %d, live challenge names: %d.\n$ORIGIN %[1]s.\n", p.zone, serial, len(p.owners))
	fmt.Fprintf(w, "@ 1 IN SOA %s. hostmaster.%[1]s. %d 3600 600 1209600 1\n", p.zone, serial)
	fmt.Fprintf(w, "@ 3600 IN NS %s.\n@ 3600 IN A 127.0.0.1\n", p.zone)
	for i, owner := range p.owners {
		w.WriteString(owner)
		w.WriteString(` 1 IN TXT "`)
		w.WriteString(p.values[i])
		w.WriteString("\"\n")
	}
	return w.Flush() // the error of any write before it, too
}

// age makes the file newer than the last one: NSD passes over one whose time of change
// is the same, and the kernel's clock for these moves only every few milliseconds.
func (p *program) age(next string) error {
	info, err := os.Stat(next)
	if err != nil {
		return err
	}
	modified := info.ModTime()
	if !modified.After(p.changed) {
		modified = p.changed.Add(time.Microsecond)
		if err := os.Chtimes(next, modified, modified); err != nil {
			return err
		}
	}
	p.changed = modified
	return nil
}

func (p *program) reload() error {
	conn, err := net.Dial("unix", p.control)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "NSDCT1 reload "+p.zone+"\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !strings.HasPrefix(string(answer), "ok") {
		err = fmt.Errorf("NSD says %q", answer)
	}
	return err
}

// await asks until the serial is answered. A connection that is refused, or ends
// early, is asked again.
func (p *program) await(serial uint32) error {
	for begun := time.Now(); time.Since(begun) < giveUp; time.Sleep(pollEvery) {
		if got, err := p.ask(); err == nil && got == serial {
			return nil
		}
	}
	return fmt.Errorf("serial %d is not answered after %v", serial, giveUp)
}

// ask returns the serial that is answered, over a connection of its own.
func (p *program) ask() (uint32, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	// No port stays taken for a minute after each question.
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		return 0, err
	}
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := conn.Write(p.question); err != nil {
		return 0, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return 0, err
	}
	answer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return 0, err
	}
	return soaSerial(answer)
}

// soaQuestion is the message with its length before it, as TCP has it (RFC 1035,
// 4.2.2).
func soaQuestion(zone string) []byte {
	m := []byte{0, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(zone, ".") {
		m = append(m, byte(len(label)))
		m = append(m, label...)
	}
	m = append(m, 0, 0, 6, 0, 1) // the root, SOA, IN
	binary.BigEndian.PutUint16(m, uint16(len(m)-2))
	return m
}

var errNoSOA = errors.New("no SOA in the answer")

// soaSerial reads the serial of the first record of the answer: the first of the five
// numbers that an SOA ends with.
func soaSerial(m []byte) (uint32, error) {
	if len(m) < 12 || binary.BigEndian.Uint16(m[6:]) == 0 {
		return 0, errNoSOA
	}
	rest := skipName(m[12:])
	if len(rest) < 4 {
		return 0, errNoSOA
	}
	rest = skipName(rest[4:])
	if len(rest) < 10 {
		return 0, errNoSOA
	}
	length := int(binary.BigEndian.Uint16(rest[8:]))
	if length < 20 || len(rest) < 10+length {
		return 0, errNoSOA
	}
	return binary.BigEndian.Uint32(rest[10+length-20:]), nil
}

// skipName returns what comes after a name, nil where it is cut off.
func skipName(m []byte) []byte {
	for len(m) > 0 {
		switch n := int(m[0]); {
		case n == 0:
			return m[1:]
		case n >= 0xC0 && len(m) >= 2: // a pointer, which ends it
			return m[2:]
		case n < 0x40 && len(m) > n:
			m = m[n+1:]
		default:
			return nil
		}
	}
	return nil
}
