package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// maxBcryptWaiting bounds how many checks wait for their turn; at 60 ms each that
	// is four seconds.
	maxBcryptWaiting = 64
	// maxBcryptEach bounds how many of them are for one account: who knows one user
	// name must not take the places of all the others. The client itself needs one.
	maxBcryptEach = 2
	// wrongFor is how long a wrong password is remembered, so that a client that
	// doesn't give up costs one check a minute.
	wrongFor = time.Minute
	// maxWrong bounds the memory for them.
	maxWrong = 4096
	// acmeDNSKey is the length of every password that acme-dns has made; it takes no
	// other either.
	acmeDNSKey = 40
)

// checksAtOnce is how many checks may be under way.
func checksAtOnce() int { return max(1, runtime.NumCPU()/2) }

// makeRoom lets more goroutines run at once than there are processors, by those that
// check passwords and one. A check computes for 60 ms, and Go would have whoever answers
// DNS wait for its turn for up to 10; the kernel, left to share the processors, doesn't.
// It is done when the first such password is checked, since it costs who has none, and
// not against an operator who has set GOMAXPROCS.
var makeRoom = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + checksAtOnce() + 1)
	}
})

// bcryptGate checks passwords that came with an import. A check takes 60 ms of a
// processor, and anybody may ask for one: so at most half of the processors are at it,
// and it is over for an account once the right password has been seen. Any number of
// goroutines may use it.
type bcryptGate struct {
	turns   chan struct{} // a token for each check under way
	waiting chan struct{} // a token for each check under way or waiting

	mu    sync.Mutex
	wrong map[[sha256.Size]byte]time.Time // until when, by hash and password
	each  map[string]int                  // checks under way or waiting, by hash
	under map[[sha256.Size]byte]*checking // the same, by hash and password
}

func newBcryptGate() *bcryptGate {
	turns := checksAtOnce()
	return &bcryptGate{
		turns: make(chan struct{}, turns), waiting: make(chan struct{}, turns+maxBcryptWaiting),
		wrong: make(map[[sha256.Size]byte]time.Time), each: make(map[string]int),
		under: make(map[[sha256.Size]byte]*checking),
	}
}

// checking is a check under way, for all who bring the same password.
type checking struct {
	done chan struct{} // closed when it is over: the rest may be read then
	ok   bool
	err  error
}

var errChecking = fmt.Errorf("%w: passwords from the import are being checked", zone.ErrBusy)

// matches reports whether the password is the hash's. A client that sends many updates
// at once has its password checked once. zone.ErrBusy: its turn didn't come before ctx
// was done, or too many are waiting.
func (g *bcryptGate) matches(ctx context.Context, hash, password string) (bool, error) {
	if len(password) != acmeDNSKey {
		return false, nil
	}
	pair := sha256.Sum256([]byte(hash + "\x00" + password))
	if g.known(pair) {
		return false, nil
	}
	for {
		c, first := g.enter(hash, pair)
		switch {
		case c == nil:
			return false, errChecking
		case first:
			c.ok, c.err = g.check(ctx, hash, password)
			g.leave(hash, pair, c)
			return c.ok, c.err
		}
		select {
		case <-c.done:
			if c.err == nil {
				return c.ok, nil
			} // else it was the other one's time that was over: this one has its own
		case <-ctx.Done():
			return false, errChecking
		}
	}
}

// enter takes part in the check of the pair, if it is under way, or begins one; nil
// where the account has no place left.
func (g *bcryptGate) enter(hash string, pair [sha256.Size]byte) (c *checking, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.under[pair]; c != nil {
		return c, false
	}
	if g.each[hash] >= maxBcryptEach {
		return nil, false
	}
	g.each[hash]++
	c = &checking{done: make(chan struct{})}
	g.under[pair] = c
	return c, true
}

// leave ends a check. A wrong password is remembered.
func (g *bcryptGate) leave(hash string, pair [sha256.Size]byte, c *checking) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.err == nil && !c.ok {
		g.remember(pair)
	}
	if g.each[hash]--; g.each[hash] == 0 {
		delete(g.each, hash)
	}
	delete(g.under, pair)
	close(c.done)
}

// check waits for its turn.
func (g *bcryptGate) check(ctx context.Context, hash, password string) (bool, error) {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return false, errChecking
	}
	select {
	case g.turns <- struct{}{}:
		defer func() { <-g.turns }()
		makeRoom()
	case <-ctx.Done():
		return false, errChecking
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil, nil
}

func (g *bcryptGate) known(pair [sha256.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.wrong[pair])
}

// remember is called with the lock held.
func (g *bcryptGate) remember(pair [sha256.Size]byte) {
	if len(g.wrong) >= maxWrong {
		clear(g.wrong)
	}
	g.wrong[pair] = time.Now().Add(wrongFor)
}

// acceptsImported checks the bcrypt hash of an account, and puts the fast hash in its
// place, in the account that it returns too. That this couldn't be written is no reason to turn the client
// away: the next time will do.
func (h *handler) acceptsImported(ctx context.Context, account zone.Account, key string) (zone.Account, bool, error) {
	ok, err := h.bcrypt.matches(ctx, account.Bcrypt, key)
	if !ok || err != nil {
		return account, false, err
	}
	change := zone.ReplacePassword{Username: account.Username, Bcrypt: account.Bcrypt, Password: zone.SecretOf(key)}
	if err := h.Changes.Commit(ctx, change); err != nil {
		h.Log.Warn("the bcrypt hash of an account stays for now", "account", account.Username, "err", err)
	}
	return account.Imported(key), true, nil
}
