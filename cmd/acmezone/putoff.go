package main

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// A configuration that is put off is tried again soon at first, then at an interval by
// which it is in force within ten seconds of the cause being gone.
const (
	firstTry = time.Second
	lastTry  = 5 * time.Second
)

// putOff is a configuration that is right, and waits until it can be put in force. The
// zero one is none.
type putOff struct {
	read  *config.Config
	delay time.Duration
	due   <-chan time.Time // nil: never
}

// again waits for the next try, longer each time.
func (p putOff) again(read *config.Config) putOff {
	delay := min(max(2*p.delay, firstTry), lastTry)
	return putOff{read, delay, time.After(delay)}
}

// passes reports whether what kept a configuration from being put in force isn't its own
// fault, and passes by itself or when somebody makes room.
func passes(err error) bool {
	reasons := []error{zone.ErrNotStored, zone.ErrBusy, syscall.ENOSPC, syscall.EDQUOT, context.DeadlineExceeded}
	return slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) })
}

// refusal says why the last configuration that was read is not in force.
type refusal struct {
	reason string
	putOff bool // it is tried again
}

func (r refusal) String() string {
	if r.putOff {
		return "the configuration can't be taken up yet, the one from before stays until it can be: " + r.reason
	}
	return "the configuration can't be taken up, the one from before stays: " + r.reason
}

// public is what strangers may read.
func (r refusal) public() string {
	if r.putOff {
		return "the configuration has changed and can't be taken up yet, the one from before stays until it can be: the log says why"
	}
	return "the configuration has changed and can't be taken up, the one from before stays: the log says why"
}
