package nsdtest

import (
	"os/exec"
	"testing"
)

// KeepBusy has n other processes use what processor time there is, until the test ends.
func KeepBusy(t testing.TB, n int) {
	t.Helper()
	for range n {
		hog := exec.Command("sh", "-c", "while :; do :; done")
		if err := hog.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = hog.Process.Kill()
			_ = hog.Wait()
		})
	}
}
