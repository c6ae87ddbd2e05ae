package nsdctl

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running process that answers queries.
type process struct {
	pid     int
	title   string // "nsd: server 2"
	started string // when, in the kernel's ticks
}

// generation are the processes of a server that answer queries at one moment, and those
// that may come to. NSD replaces all of them with each reload, and what one of them
// answers never changes. While a reload is at its end, it is two generations at once.
type generation []process

// single reports whether these are processes of one generation: NSD numbers them in
// their titles. One other process may be there: the main process from before, which
// stays until the last of the old generation has ended. A second one is a process of
// the new generation that has not come to run, and so has no number yet; then one with
// its number may still be an old one.
func (g generation) single() bool {
	titles := make(map[string]bool)
	others := 0
	for _, p := range g {
		switch {
		case !strings.HasPrefix(p.title, serverTitle):
			others++
		case titles[p.title]:
			return false
		default:
			titles[p.title] = true
		}
	}
	return len(titles) > 0 && others <= 1
}

// untitled reports whether there is a process without a title, as with NSD before
// 4.3.0, so that generations can't be told apart.
func (g generation) untitled() bool {
	return slices.ContainsFunc(g, func(p process) bool { return !strings.HasPrefix(p.title, titled) })
}

// anyEnds waits up to that long for one of them to end (pidfd_open(2), Linux 5.3).
func (g generation) anyEnds(wait time.Duration) {
	if len(g) == 0 {
		return
	}
	fds := make([]unix.PollFd, 0, len(g))
	defer func() {
		for _, f := range fds {
			unix.Close(int(f.Fd))
		}
	}()
	for _, p := range g {
		fd, err := unix.PidfdOpen(p.pid, 0)
		if err != nil {
			wait = min(wait, pollFirst) // it has ended, or the kernel is too old
			continue
		}
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	timeout := unix.NsecToTimespec(wait.Nanoseconds())
	_, _ = unix.Ppoll(fds, &timeout, nil) // whatever it says, what is there is looked at next
}

// family is the process whose children answer queries: NSD's main process, which
// stays while they come and go.
type family struct {
	main    int
	started string // when, in the kernel's ticks: it tells the process from a later one
}

// familyOf returns NSD's main process, if that number belongs to one on this machine:
// an NSD in a container counts its processes otherwise. Its parent is xfrd. Where that is
// otherwise, a reload has failed, and another process stepped in whose own processes are
// nobody's children: those can't be told from strangers.
func familyOf(main int) (family, bool) {
	stat, err := readStat(main)
	if err != nil || !stat.isNSD() {
		return family{}, false
	}
	if xfrd, err := readStat(stat.parent); err != nil || !xfrd.isNSD() {
		return family{}, false
	}
	for _, pid := range children(stat.parent) {
		if child, err := readStat(pid); err == nil && strings.HasPrefix(child.name, serverTitle) {
			return family{}, false
		}
	}
	return family{main, stat.started}, true
}

// alive reports whether the main process is still the one that was found.
func (f family) alive() bool {
	stat, err := readStat(f.main)
	return err == nil && stat.started == f.started
}

// servers returns the processes that answer queries now, nil where they can't be
// seen.
func (f family) servers() generation {
	if !f.alive() {
		return nil
	}
	var g generation
	for _, pid := range children(f.main) {
		if stat, err := readStat(pid); err == nil && stat.counts() {
			g = append(g, process{pid, stat.name, stat.started})
		}
	}
	return g
}

// children lists a process' children. The kernel's list may lack one while another
// comes or goes, so it is read until it says the same twice.
func children(pid int) []int {
	path := fmt.Sprintf("/proc/%d/task/%[1]d/children", pid)
	last, err := os.ReadFile(path)
	for range 5 {
		next, nextErr := os.ReadFile(path)
		if errors.Is(errors.Join(err, nextErr), fs.ErrNotExist) {
			return nil
		}
		if bytes.Equal(last, next) {
			break
		}
		last = next
	}
	return numbers(strings.Fields(string(last)))
}

func numbers(words []string) []int {
	var all []int
	for _, w := range words {
		if n, err := strconv.Atoi(w); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// stat is what is used of /proc/PID/stat (proc(5)).
type stat struct {
	name    string
	state   string
	parent  int
	started string
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("/proc/%d/stat can't be read", pid)
	}
	fields := strings.Fields(string(text[end+1:])) // from the third on: the state
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	parent, err := strconv.Atoi(fields[1])
	return stat{string(text[open+1 : end]), fields[0], parent, fields[19]}, err
}

func (s stat) isNSD() bool { return strings.HasPrefix(s.name, "nsd") }

// How NSD calls its processes.
const (
	titled       = "nsd: "
	serverTitle  = titled + "server" // those that answer
	dnstapHelper = titled + "dnstap"
)

// counts leaves out the collector of dnstap, which lives through reloads, and what has
// ended and waits for its parent to take notice.
func (s stat) counts() bool {
	return s.isNSD() && s.state != "Z" && s.state != "X" && !strings.HasPrefix(s.name, dnstapHelper)
}

// allProcesses lists every process that can be seen.
func allProcesses() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return slices.Clip(numbers(names))
}
