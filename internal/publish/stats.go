package publish

import (
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Observer is told what the pipeline does, by the goroutine that does it: it must be
// quick.
type Observer interface {
	// Committed is told of a transaction: its changes, an error or nil for each, and
	// how long it took.
	Committed(changes []zone.Change, errs []error, took time.Duration)
	// Published is told of a round of a publisher, which failed if err isn't nil.
	Published(publisher string, took time.Duration, err error)
}

// Stats are the pipeline at one moment.
type Stats struct {
	Serial     zone.Serial // of what is durable
	LiveNames  int
	Queued     int   // changes that wait for the committer
	Waiting    int   // requests whose change is durable and not served yet
	Fault      error // what Health would say without asking the store
	Publishers []PublisherStats
}

// PublisherStats are those of one publisher.
type PublisherStats struct {
	Name    string
	Ready   bool          // it has published something
	Serial  zone.Serial   // that it answers, if Ready
	Behind  time.Duration // how long the oldest commit it doesn't answer has been waiting
	Failing bool          // its last round failed
}

// Stats may be called by any number of goroutines, and holds up nobody.
func (p *Pipeline) Stats() Stats {
	_, fault := p.state()
	queued := p.queue.len()
	now := p.opts.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Serial: p.committed.Serial(), LiveNames: p.committed.Len(), Queued: queued, Waiting: len(p.waiting), Fault: fault}
	for _, r := range p.runners {
		s.Publishers = append(s.Publishers, r.stats(now))
	}
	return s
}

// stats is called under Pipeline.mu.
func (r *runner) stats(now time.Time) PublisherStats {
	s := PublisherStats{Name: r.publisher.Name(), Ready: r.ready, Serial: r.reached, Failing: r.err != nil}
	if since := r.since(); !since.IsZero() {
		s.Behind = max(0, now.Sub(since))
	}
	return s
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// nobody is the Observer where none is wanted.
type nobody struct{}

func (nobody) Committed([]zone.Change, []error, time.Duration) {}
func (nobody) Published(string, time.Duration, error)          {}
