package zonetext

import (
	"fmt"
	"strings"
	"testing"
)

// largeZone is a hand-written zone of about ten megabytes.
func largeZone() []byte {
	var text strings.Builder
	text.WriteString(head)
	for i := 0; text.Len() < 10<<20; i++ {
		fmt.Fprintf(&text, "host%d\t3600 IN\tA 192.0.2.%d ; number %d\n\tIN\tTXT \"v=spf1 mx -all\" (\n\t\t\"second\" )\n", i, i%256, i)
	}
	return []byte(text.String())
}

func BenchmarkParse(b *testing.B) {
	text := largeZone()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("zone", text, "example.org."); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkObstacle(b *testing.B) {
	text := largeZone()
	tree, err := Load("/zone", "/", "example.org.", func(string) ([]byte, error) { return text, nil })
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if o := tree.Obstacle("_acme-challenge.example.org."); o != nil {
			b.Fatal(o)
		}
	}
}

func BenchmarkSameBut(b *testing.B) {
	text := largeZone()
	tree, err := Load("/zone", "/", "example.org.", func(string) ([]byte, error) { return text, nil })
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := SameBut(tree, tree, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}
