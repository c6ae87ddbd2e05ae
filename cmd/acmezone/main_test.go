package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// beAcmezone makes the test binary the program itself, race detector and all.
const beAcmezone = "ACMEZONE_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beAcmezone) != "" {
		os.Unsetenv(beAcmezone)
		main()
	}
	if text := os.Getenv(beAttacker); text != "" {
		attack(text)
		return
	}
	testscript.Main(m, map[string]func(){"acmezone": main})
}
