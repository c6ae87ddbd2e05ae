package main

import (
	"context"
	"errors"
	"fmt"
)

// part is something that runs for as long as the service does.
type part struct {
	name string
	run  func(context.Context) error // until ctx is done; an earlier end stops the service
}

// runParts starts the parts in their order and, when ctx is done or one of them
// has ended, stops them in the opposite order, each before the next: what takes
// requests ends before what answers them. It returns when all have ended.
func runParts(ctx context.Context, parts []part) error {
	type ending struct {
		stop  context.CancelFunc
		ended chan error
	}
	var endings []ending
	early := make(chan struct{}, len(parts))
	for _, p := range parts {
		// Not derived from ctx: each is stopped when its turn has come.
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		e := ending{stop, make(chan error, 1)}
		endings = append(endings, e)
		go func() {
			err := p.run(own)
			if err != nil {
				err = fmt.Errorf("%s: %w", p.name, err)
			} else if own.Err() == nil {
				err = fmt.Errorf("%s ended by itself", p.name)
			}
			e.ended <- err
			early <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
	case <-early:
	}
	var errs []error
	for i := len(endings) - 1; i >= 0; i-- {
		endings[i].stop()
		errs = append(errs, <-endings[i].ended)
	}
	return errors.Join(errs...)
}
