package nsdtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes returns the ids of all processes of this NSD. A parent's id can't tell
// them: a reload makes orphans. They all work in its folder.
func (s *Server) Processes() []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	var pids []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && isNSD(dir) && s.worksHere(dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isNSD leaves out nsd-control and the like.
func isNSD(proc string) bool {
	name, _ := os.ReadFile(filepath.Join(proc, "comm"))
	return string(name) == "nsd\n" || strings.HasPrefix(string(name), "nsd:")
}

// worksHere is false of a process that has ended, whoever is to take note of that.
func (s *Server) worksHere(proc string) bool {
	dir, _ := os.Readlink(filepath.Join(proc, "cwd"))
	return dir == s.Dir || strings.HasPrefix(dir, s.Dir+"/")
}

func (s *Server) gone() error {
	select {
	case <-s.ended:
	default:
		return fmt.Errorf("process %d has not ended", s.PID())
	}
	if left := s.Processes(); len(left) > 0 {
		return fmt.Errorf("these processes are left: %v", left)
	}
	return nil
}
