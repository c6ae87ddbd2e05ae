package api

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/bcrypt"
)

// TestCheckOutlivesWhoBeganIt: of two who bring the same password the first one's time is
// over before its turn has come.
func TestCheckOutlivesWhoBeganIt(t *testing.T) {
	password := strings.Repeat("p", acmeDNSKey)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g := newBcryptGate()
		for range cap(g.turns) {
			g.turns <- struct{}{} // others are at it
		}
		ends, end := context.WithCancel(t.Context())
		outcome := make(chan bool, 2)
		for _, ctx := range []context.Context{ends, t.Context()} {
			go func() {
				ok, err := g.matches(ctx, string(hash), password)
				outcome <- ok && err == nil
			}()
			synctest.Wait()
		}
		end()
		if <-outcome {
			t.Error("the first one's password was checked though its turn hasn't come")
		}
		<-g.turns
		if !<-outcome {
			t.Error("the second one was turned away with the first")
		}
	})
}
