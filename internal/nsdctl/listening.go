package nsdctl

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// familyAt finds the NSD that answers at an address, if it runs on this machine and
// may be looked at: by root, or by the user it runs as. Its processes share the
// socket: xfrd, its child main, and main's children, which answer. Where more than one
// fits it is none.
func familyAt(server string) (family, bool) {
	addr, err := netip.ParseAddrPort(server)
	if err != nil {
		return family{}, false
	}
	parents := make(map[int]int)
	for _, pid := range allProcesses() {
		if stat, err := readStat(pid); err == nil && stat.isNSD() && listensAt(pid, addr) {
			parents[pid] = stat.parent
		}
	}
	main, found := mainAmong(parents)
	if !found {
		return family{}, false
	}
	return familyOf(main)
}

// mainAmong picks the main process of those that share a socket, given with their
// parents: the child of the one that has no parent among them. Their other children
// come and go.
func mainAmong(parents map[int]int) (main int, found bool) {
	for pid, parent := range parents {
		grandparent, isChild := parents[parent]
		_, isGrandchild := parents[grandparent]
		if !isChild || isGrandchild {
			continue
		}
		if found {
			return 0, false
		}
		main, found = pid, true
	}
	return main, found
}

// listensAt reports whether a process holds a TCP socket that listens at the address,
// in its own network namespace.
func listensAt(pid int, addr netip.AddrPort) bool {
	inodes := listenersAt(pid, addr)
	if len(inodes) == 0 {
		return false
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return false
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(fmt.Sprintf("/proc/%d/fd", pid), e.Name()))
		if err == nil && slices.Contains(inodes, target) {
			return true
		}
	}
	return false
}

// listening is the state of such a socket in /proc/net/tcp.
const listening = "0A"

// listenersAt returns the sockets that listen at the address, as links of file
// descriptors have them: "socket:[4711]".
func listenersAt(pid int, addr netip.AddrPort) []string {
	table := "tcp"
	if addr.Addr().Is6() {
		table = "tcp6"
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
	if err != nil {
		return nil
	}
	defer file.Close()
	wanted := []string{kernelAddress(addr)}
	if isLocal(pid, addr.Addr()) {
		wanted = append(wanted, kernelAddress(anyAddress(addr)))
	} else if addr.Addr().IsLoopback() {
		return nil
	}
	var inodes []string
	lines := bufio.NewScanner(file)
	lines.Scan() // the titles of the columns
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		// Those that listen come first; of the others a busy server has a great many.
		if len(f) < 10 || f[3] != listening {
			break
		}
		if slices.Contains(wanted, f[1]) {
			inodes = append(inodes, "socket:["+f[9]+"]")
		}
	}
	return inodes
}

func anyAddress(addr netip.AddrPort) netip.AddrPort {
	if addr.Addr().Is6() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), addr.Port())
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port())
}

// isLocal reports whether an address, as it is meant here, is one of the network
// namespace that a process is in. Loopback is a different one in each.
func isLocal(pid int, addr netip.Addr) bool {
	if addr.IsLoopback() {
		ours, err := os.Readlink("/proc/self/ns/net")
		theirs, errTheirs := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
		return err == nil && errTheirs == nil && ours == theirs
	}
	if addr.Is6() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/if_inet6", pid)) // none without IPv6
		return strings.Contains(string(text), hex.EncodeToString(addr.AsSlice())+" ")
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/fib_trie", pid))
	_, after, found := strings.Cut(string(text), "|-- "+addr.String()+"\n")
	return found && strings.HasPrefix(strings.TrimSpace(after), "/32 host LOCAL")
}

// kernelAddress writes an address as /proc/net/tcp does: words of four octets, the
// last octet first, as little-endian machines have them.
func kernelAddress(addr netip.AddrPort) string {
	octets := addr.Addr().AsSlice()
	for i := 0; i+4 <= len(octets); i += 4 {
		slices.Reverse(octets[i : i+4])
	}
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(octets)), addr.Port())
}
