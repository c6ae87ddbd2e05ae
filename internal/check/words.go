package check

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// bare is a name as people write it.
func bare(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

func (s server) String() string {
	address, port, _ := net.SplitHostPort(s.addr)
	if port != "53" {
		address = s.addr
	}
	if s.name == "" {
		return address
	}
	return bare(s.name) + " (" + address + ")"
}

// list names things for people.
func list[T any](items []T) string {
	var all []string
	for _, item := range items {
		all = append(all, bare(fmt.Sprint(item)))
	}
	return strings.Join(all, ", ")
}

func names(refs []referral) string {
	var all []server
	for _, r := range refs {
		all = append(all, r.server)
	}
	return list(all)
}

// nsLines are records as they are written in a zone file, one after the other.
func nsLines(apex string, hosts []string) string {
	var all []string
	for _, h := range hosts {
		all = append(all, apex+" IN NS "+h)
	}
	return strings.Join(all, " ; ")
}

// glueLines are address records likewise.
func glueLines(name string, addrs []netip.Addr) string {
	var all []string
	for _, addr := range addrs {
		rrtype := "AAAA"
		if addr.Is4() {
			rrtype = "A"
		}
		all = append(all, fmt.Sprintf("%s IN %s %s", name, rrtype, addr))
	}
	return strings.Join(all, " ; ")
}

// without returns what is in a and not in b.
func without[T comparable](a, b []T) []T {
	var left []T
	for _, x := range a {
		if !slices.Contains(b, x) {
			left = append(left, x)
		}
	}
	return left
}

// oneLine folds an error of several lines, or joined ones, into one.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(c rune) bool { return c == '\n' }), "; ")
}

// short is a duration without the zeros at its end.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// hostOf is an address as dig takes it after the @.
func hostOf(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	if at.Port() != 53 {
		return fmt.Sprintf("%s -p %d", at.Addr(), at.Port())
	}
	return at.Addr().String()
}

// nsdAddress is one as nsd.conf has it.
func nsdAddress(s server) string { return strings.Replace(hostOf(s.addr), " -p ", "@", 1) }
