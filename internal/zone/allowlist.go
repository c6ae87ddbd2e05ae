package zone

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// AllowList names the networks that an account may be used from. The zero value
// allows every address. It is immutable.
type AllowList struct {
	networks []netip.Prefix
	closed   bool
}

// ClosedList allows no address. It stands for a list that can't be read:
// what was meant to keep strangers out must not let them in.
func ClosedList() AllowList { return AllowList{closed: true} }

// ParseAllowList reads networks and bare addresses as clients write them: blanks
// around an entry, brackets around IPv6 and empty entries are fine.
func ParseAllowList(entries []string) (AllowList, error) {
	var list AllowList
	for _, e := range entries {
		e = strings.TrimSpace(e)
		if e == "" {
			continue
		}
		network, err := ParseNetwork(e)
		if err != nil {
			return ClosedList(), err
		}
		list.networks = append(list.networks, network)
	}
	return list, nil
}

// ParseNetwork reads "192.0.2.0/24", "2001:db8::/32", "[2001:db8::]/32" or a bare
// address, which stands for itself alone. An IPv4 network in IPv6 form is taken
// for IPv4, since that is how its addresses are compared.
func ParseNetwork(s string) (netip.Prefix, error) {
	plain := strings.NewReplacer("[", "", "]", "").Replace(s)
	network, err := netip.ParsePrefix(plain)
	if err != nil {
		addr, addrErr := netip.ParseAddr(plain)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%.60q is neither a network such as 192.0.2.0/24 nor an address", s)
		}
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	if addr := network.Addr(); addr.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(addr.Unmap(), network.Bits()-96)
	}
	return network, nil
}

// Open reports whether the list allows every address.
func (l AllowList) Open() bool { return !l.closed && len(l.networks) == 0 }

// Allows reports whether the account may be used from that address.
func (l AllowList) Allows(addr netip.Addr) bool {
	if l.closed {
		return false
	}
	return len(l.networks) == 0 || Contains(l.networks, addr)
}

// Len returns how many networks the list names.
func (l AllowList) Len() int { return len(l.networks) }

// Closed reports whether the list allows no address at all.
func (l AllowList) Closed() bool { return l.closed }

// Contains reports whether one of the networks holds the address; an IPv4 address
// in IPv6 form counts as IPv4, a scope is left out of account.
func Contains(networks []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// Strings returns the entries in the form that /register answers.
func (l AllowList) Strings() []string {
	entries := make([]string, len(l.networks))
	for i, n := range l.networks {
		entries[i] = n.String()
	}
	return entries
}

// MarshalJSON returns the list as it is stored: an array of strings. A closed list is
// null.
func (l AllowList) MarshalJSON() ([]byte, error) {
	if l.closed {
		return []byte("null"), nil
	}
	return json.Marshal(l.Strings())
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *AllowList) UnmarshalJSON(text []byte) (err error) {
	*l, err = StoredAllowList(string(text))
	return err
}

// StoredAllowList reads back what MarshalJSON wrote. Anything else gives an error
// and a list that allows no address.
func StoredAllowList(text string) (AllowList, error) {
	if text == "null" {
		return ClosedList(), nil
	}
	var entries []string
	if err := json.Unmarshal([]byte(text), &entries); err != nil || entries == nil {
		return ClosedList(), fmt.Errorf("stored allow list %.40q is no JSON array of strings", text)
	}
	list, err := ParseAllowList(entries)
	if err == nil && len(list.networks) != len(entries) { // a list of nothing but blanks would be open
		return ClosedList(), fmt.Errorf("stored allow list %.40q has an empty entry", text)
	}
	return list, err
}
