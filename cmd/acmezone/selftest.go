package main

import (
	"context"
	"sync"
)

// selfTest finds out whether the service does what a restart could mend: the committer
// answers a heartbeat, and the embedded server answers its SOA, with what was published,
// on every socket that it has. It returns nil, or what doesn't answer before ctx is done.
//
// It passes over what another process would do no better: NSD and other name servers, a
// disk that is full, a database that somebody else holds.
func (s *service) selfTest(ctx context.Context) error {
	var committer error
	var testing sync.WaitGroup
	testing.Go(func() { committer = s.committerAlive(ctx) })
	answering := s.answersSOA(ctx)
	testing.Wait()
	if committer != nil {
		return committer
	}
	return answering
}

// committerAlive takes an import for life: it is one transaction, however many accounts it
// brings, and has a bound of its own.
func (s *service) committerAlive(ctx context.Context) error {
	if s.importing.Load() > 0 {
		return nil
	}
	err := s.pipeline.Alive(ctx)
	if s.importing.Load() > 0 {
		return nil // it came in between
	}
	return err
}

// answersSOA takes any answer before the first one is published.
func (s *service) answersSOA(ctx context.Context) error {
	if s.dns == nil {
		return nil
	}
	published, ready := s.pipeline.Reached(s.dns.Name())
	return s.dns.SelfTest(ctx, published, ready)
}
