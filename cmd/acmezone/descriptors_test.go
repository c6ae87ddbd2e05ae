package main

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/config"
)

func TestRoomForConnections(t *testing.T) {
	cfg := config.Default()
	cfg.Limits.Connections, cfg.Limits.ConnectionsPerAddress = 2048, 256
	cfg.DNS = &config.DNS{Connections: 1024, ConnectionsPerAddress: 64}
	for files, want := range map[uint64]room{
		math.MaxUint64: {2048, 256, 1024, 64}, // RLIM_INFINITY
		4096:           {2048, 256, 1024, 64},
		1024:           {426, 53, 213, 13},
		200:            {33, 4, 16, 1},
		20:             {3, 1, 1, 1},
	} {
		got, enough := roomFor(cfg, files)
		if got != want || enough != (files >= 4096) {
			t.Errorf("%d files: %+v, %v", files, got, enough)
		}
	}
	cfg.DNS = nil
	if got, enough := roomFor(cfg, 4096); got != (room{api: 2048, apiEach: 256}) || !enough {
		t.Errorf("without [dns]: %+v", got)
	}
}

// TestFewFilesAreNotUsedUpByStrangers: where the system allows few files, connections that
// hang keep nobody out all the same, and the log says so.
func TestFewFilesAreNotUsedUpByStrangers(t *testing.T) {
	p := start(t, writeTestConfig(t, t.TempDir()), "sh", "-c", `ulimit -n 400 && "$@"`, "sh")
	if !strings.Contains(p.log.String(), "may open too few files") {
		t.Errorf("the log doesn't say so:\n%s", p.log)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for _, addr := range []string{p.api, p.dns} {
		opened, ended := hangMany(ctx, addr, 600, source)
		defer ended()
		eventually(t, "all have been there", func() bool { return opened.Load() >= 600 })
	}
	defer cancel()
	// The strangers come again all the time: a client that is slow to send its request, or
	// that kept its connection, may have had to give way to them, and comes again as well.
	eventually(t, "an update", func() bool {
		a, ok := p.register()
		return ok && p.update(a, strings.Repeat("a", 43)) == 200
	})
	if answer := p.ask("auth.test", dns.TypeSOA); len(answer.Answer) != 1 {
		t.Errorf("over TCP: %v", answer)
	}
	if strings.Contains(p.log.String(), "too many open files") {
		t.Errorf("%s", p.log)
	}
}
