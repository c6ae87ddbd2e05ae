package main

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// progressEvery is how often the line is written anew.
const progressEvery = 100 * time.Millisecond

// withProgress passes rows on and says, on a terminal, how many have gone by.
func withProgress(w io.Writer, rows iter.Seq2[zone.ImportRow, error], total int) iter.Seq2[zone.ImportRow, error] {
	if !isTerminal(w) || total == 0 {
		return rows
	}
	return func(yield func(zone.ImportRow, error) bool) {
		n, said := 0, time.Now()
		defer fmt.Fprint(w, "\r\x1b[K")
		for row, err := range rows {
			if n++; time.Since(said) >= progressEvery {
				said = time.Now()
				fmt.Fprintf(w, "\r%d of %d accounts (%d %%)", n, total, 100*n/total)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
