package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]error{
		"y\n": nil, "Yes\n": nil, " YES \n": nil, "yes": nil,
		"": errNotConfirmed, "\n": errNotConfirmed, "n\n": errNotConfirmed, "yess\n": errNotConfirmed, "no\nyes\n": errNotConfirmed,
	} {
		var said bytes.Buffer
		err := ask(t.Context(), surroundings{stdin: strings.NewReader(answer), stderr: &said}, "Remove it?")
		if !errors.Is(err, want) || said.String() != "Remove it? [y/N] " {
			t.Errorf("%q: %v, %q", answer, err, &said)
		}
	}
}

// TestInterruptIsNoAnswer: the first signal asks for a graceful end, which must not wait
// for the person to type something.
func TestInterruptIsNoAnswer(t *testing.T) {
	silent, typing := io.Pipe()
	defer typing.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := ask(ctx, surroundings{stdin: silent, stderr: io.Discard}, "Remove it?"); !errors.Is(err, errNotConfirmed) {
		t.Error(err)
	}
}

func TestDevNullIsNoTerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, r := range []io.Reader{null, strings.NewReader("yes"), nil} {
		if isTerminal(r) {
			t.Errorf("%v is taken for a terminal", r)
		}
	}
}
