package nsdtest_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

const zoneName = "auth.example.org"

func zoneText(serial uint32) string {
	return fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ IN SOA @ hostmaster %d 3600 600 86400 1\n@ IN NS @\n@ IN A 127.0.0.1\n",
		zoneName, serial)
}

func auth() nsdtest.Options {
	return nsdtest.Options{Zones: []nsdtest.Zone{{Name: zoneName, File: "auth.zone", Text: zoneText(1)}}}
}

func control(t *testing.T, s *nsdtest.Server, args ...string) string {
	t.Helper()
	out, err := s.Control(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSecondariesFollow loads a changed zone, which the secondaries are to fetch.
func TestSecondariesFollow(t *testing.T) {
	for _, database := range []bool{false, true} {
		t.Run(fmt.Sprintf("database %v", database), func(t *testing.T) {
			o := auth()
			o.Database = database
			primary, secondaries := nsdtest.Family(t, o, 2)
			servers := append(secondaries, primary)
			for serial := uint32(1); serial < 4; serial++ {
				primary.Write(t, "auth.zone", zoneText(serial))
				control(t, primary, "reload", zoneName)
				for _, s := range servers {
					s.Await(t, zoneName, serial)
				}
			}
		})
	}
}

// TestSecondariesFetchAZoneThatComesLater is the start of an NSD whose zone file
// isn't rendered yet.
func TestSecondariesFetchAZoneThatComesLater(t *testing.T) {
	o := auth()
	o.Zones[0].Text = ""
	primary, secondaries := nsdtest.Family(t, o, 2)
	primary.Write(t, "auth.zone", zoneText(7))
	control(t, primary, "reload", zoneName)
	for _, s := range append(secondaries, primary) {
		s.Await(t, zoneName, 7)
	}
}

func TestFrozenControlIsSilent(t *testing.T) {
	s := nsdtest.Start(t, auth())
	s.Freeze()
	conn, err := net.Dial("unix", s.ControlSocket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "NSDCT1 status\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if out, err := io.ReadAll(conn); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a frozen NSD says %q, %v", out, err)
	}
	if got := s.Serial(t, zoneName); got != 1 {
		t.Errorf("serial %d", got)
	}
	s.Thaw()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if out, err := io.ReadAll(conn); err != nil || !strings.Contains(string(out), "version:") {
		t.Fatalf("a thawed NSD says %q, %v", out, err)
	}
}

// TestFrozenIsStopped leaves it to the end of the test.
func TestFrozenIsStopped(t *testing.T) { nsdtest.Start(t, auth()).Freeze() }

func TestControlOverTLS(t *testing.T) {
	for _, way := range []string{nsdtest.TLS, nsdtest.OldTLS} {
		t.Run(way, func(t *testing.T) {
			o := auth()
			o.Control = way
			s := nsdtest.Start(t, o)
			if out := control(t, s, "status"); !strings.Contains(out, "version:") {
				t.Errorf("status: %s", out)
			}
			if _, _, err := net.SplitHostPort(s.ControlSocket); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRestartKeepsThePort(t *testing.T) {
	s := nsdtest.Start(t, auth())
	addr, pid := s.Addr, s.PID()
	s.Write(t, "auth.zone", zoneText(2))
	control(t, s, "reload", zoneName)
	s.Await(t, zoneName, 2)
	s.Restart()
	if s.Addr != addr || s.PID() == pid {
		t.Errorf("address %s, was %s; process %d, was %d", s.Addr, addr, s.PID(), pid)
	}
	if got := s.Serial(t, zoneName); got != 2 {
		t.Errorf("serial %d", got)
	}
}

func TestKillLeavesNothing(t *testing.T) {
	o := auth()
	o.Servers = 3
	s := nsdtest.Start(t, o)
	s.Write(t, "auth.zone", zoneText(2))
	control(t, s, "reload", zoneName)
	s.Await(t, zoneName, 2)
	if n := len(s.Processes()); n < 5 {
		t.Errorf("%d processes, which should be xfrd, main and three servers", n)
	}
	s.Kill()
	if left := s.Processes(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	s.Restart()
	s.Await(t, zoneName, 2)
}

func TestReconfigureAddsAZone(t *testing.T) {
	o := auth()
	s := nsdtest.Start(t, o)
	o.Zones = append(o.Zones, nsdtest.Zone{Name: "example.com", File: "com.zone", Text: strings.ReplaceAll(zoneText(5), zoneName, "example.com")})
	s.Reconfigure(o)
	control(t, s, "reconfig")
	s.Await(t, "example.com", 5)
	s.Await(t, zoneName, 1)
}

// TestAnotherUser has nothing to test where it isn't root: CI runs as root.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") != "" {
		t.Fatal("CI must run this as root, or nothing is tested")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	o := auth()
	o.Username = "nobody"
	s := nsdtest.Start(t, o)
	s.Write(t, "auth.zone", zoneText(2))
	control(t, s, "reload", zoneName)
	s.Await(t, zoneName, 2)
}

func TestWithoutControl(t *testing.T) {
	o := auth()
	o.Control = nsdtest.Off
	s := nsdtest.Start(t, o)
	if s.Serial(t, zoneName) != 1 || s.ControlSocket != "" {
		t.Errorf("serial %d, control socket %q", s.Serial(t, zoneName), s.ControlSocket)
	}
}
