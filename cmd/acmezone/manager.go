package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// mostStart bounds for how long the service manager is asked for more time to start.
	mostStart = time.Hour
	// statusEvery is how often it is looked whether the status line has changed.
	statusEvery = time.Second
)

// managerParts are those that keep the service manager informed, where there is one.
func (s *service) managerParts() []part {
	if s.manager == nil {
		return nil
	}
	parts := []part{{"status", s.reportStatus}}
	if s.manager.Watchdog() > 0 {
		parts = append(parts, part{"watchdog", s.feedWatchdog})
	}
	return parts
}

// reportStatus says that the service is ready, and how it is, whenever that has changed.
//
// It is ready when all that was stored is answered; but where that takes longer than a
// request may, it is ready without: it takes changes and answers what it can, and an NSD
// that is away is nothing to end the service for. What is pending, the status says.
func (s *service) reportStatus(ctx context.Context) error {
	published := s.pipeline.Ready()
	late := time.NewTimer(s.timeout())
	defer late.Stop()
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	ready, last := false, ""
	for {
		if line := s.statusLine(); line != last {
			s.manager.Status(line)
			last = line
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			continue
		case <-published:
			published = nil
		case <-late.C:
		}
		if !ready {
			ready = true
			s.manager.Ready()
		}
	}
}

// statusLine says in a line what is served, and what is wrong, if anything is known to be.
func (s *service) statusLine() string {
	snap := s.pipeline.Snapshot()
	line := fmt.Sprintf("%s, serial %d, %d live names", s.cfg.Zone.Name, snap.Serial(), snap.Len())
	if err := s.pipeline.Fault(); err != nil {
		line += "; " + err.Error()
	}
	if refused := s.refused.Load(); refused != nil {
		line += "; " + refused.String()
	}
	if waiting := s.waitingKeys(); len(waiting) > 0 {
		line += "; waiting for a restart: " + strings.Join(waiting, ", ")
	}
	for _, without := range s.pipeline.Degraded() {
		line += "; " + without
	}
	return line
}

// feedWatchdog tells the service manager, twice in the time that it waits, that a
// self-test has found the service well. Each test has until shortly before that time is
// over; after one that fails, the manager ends the process and starts another.
func (s *service) feedWatchdog(ctx context.Context) error {
	interval := s.manager.Watchdog()
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		s.testOnce(ctx, interval/2-interval/20)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *service) testOnce(ctx context.Context, within time.Duration) {
	testing, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	switch err := s.selfTest(testing); {
	case err == nil:
		s.manager.Feed()
	case ctx.Err() == nil:
		s.log.Error("the self-test has failed: the watchdog isn't fed", "err", err)
	}
}

// sayStopping has the service manager know when ctx is done, and wait for as long as the
// stop may take: requests end by their deadlines, and what was accepted is committed. The
// function that it returns waits for the end of that.
func (s *service) sayStopping(ctx context.Context) (stopped func()) {
	gone, end := context.WithCancel(context.WithoutCancel(ctx))
	var saying sync.WaitGroup
	saying.Go(func() {
		select {
		case <-ctx.Done():
		case <-gone.Done():
			return
		}
		s.log.Info("stopping: finishing what was accepted")
		s.manager.Stopping()
		s.manager.Status("stopping: finishing what was accepted")
		s.manager.Extend(gone, 2*s.timeout()+mostStop)
	})
	return func() {
		end()
		saying.Wait()
	}
}

// mostStop bounds, besides what requests may take, how long the service manager is asked
// to wait for the end.
const mostStop = 5 * time.Minute
