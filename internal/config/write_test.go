package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestWrittenConfigurationReadsBack holds for whatever an operator may have set.
func TestWrittenConfigurationReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		var text bytes.Buffer
		if err := c.WriteTOML(&text); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, &text)
		}
		if diff := cmp.Diff(c, again, ignoreOrigin); diff != "" {
			t.Fatalf("%s\n%s", diff, &text)
		}
	})
}

// draw sets every key to something.
func draw(t *rapid.T) *Config {
	c := Default()
	if rapid.Bool().Draw(t, "dns") {
		c.addSection("dns")
	}
	if rapid.Bool().Draw(t, "nsd") {
		c.addSection("nsd")
	}
	for k := range keys() {
		section := reflect.ValueOf(c).Elem().Field(k.path[0])
		if section.Kind() == reflect.Pointer {
			if section.IsNil() {
				continue
			}
			section = section.Elem()
		}
		drawField(t, k, section.Field(k.path[1]))
	}
	c.complete()
	return c
}

func drawField(t *rapid.T, k key, field reflect.Value) {
	switch field.Kind() {
	case reflect.Struct:
		unit := rapid.SampledFrom(rateUnits).Draw(t, k.String())
		field.Set(reflect.ValueOf(Rate{rapid.IntRange(1, maxEvents).Draw(t, k.String()), unit.span}))
	case reflect.String:
		field.SetString(rapid.String().Draw(t, k.String()))
	case reflect.Slice:
		field.Set(reflect.ValueOf(rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, k.String())))
	default: // numbers and durations
		field.SetInt(rapid.Int64Range(0, 1<<60).Draw(t, k.String()))
	}
}

func TestDurationsAreWrittenAsPeopleDo(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1s": time.Second, "1m": time.Minute, "1h30m": 90 * time.Minute,
		"24h": day, "1h0m1s": time.Hour + time.Second, "10m10s": 610 * time.Second, "100ms": 100 * time.Millisecond,
	} {
		if s := Duration(d).String(); s != want {
			t.Errorf("%v: %s, want %s", d, s, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		minimal, "[zone]\nname = 1", "zone.name = \"x\"\n[[dns]]", "[dns]\nlisten = [[\"a\"]]", "[zone]\nName = \"\\n\"",
		"[zone]\nttl = \"1h\"\nrecords = [{a = 1}]", "\"\\n\" = 1", "[nsd]\n[[nsd.config]]",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		c.origin.file = "acmezone.toml"
		err := c.decode(text)
		if err == nil {
			c.complete()
			err = c.Validate()
		}
		if err == nil {
			err = c.CheckServe()
		}
		_ = c.Warnings()
		if err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "acmezone.toml: ")) {
			t.Errorf("not one line that begins with the file: %q", err)
		}
	})
}
