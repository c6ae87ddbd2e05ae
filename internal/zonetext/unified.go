package zonetext

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Unified returns the change from old to new as `diff -u` writes it, for people,
// `patch -p1` and `git apply`. name is the file's path, relative to where the patch
// is applied. It is nil if they are equal.
func Unified(name string, old, new []byte) []byte {
	change := diff.Diff("", old, "", new)
	if change == nil {
		return nil
	}
	if strings.Contains(name, " ") {
		name += "\t" // else patch takes the blank for the name's end
	}
	hunks := bytes.Index(change, []byte("@@ -"))
	return append(fmt.Appendf(nil, "--- a/%s\n+++ b/%s\n", name, name), change[hunks:]...)
}
