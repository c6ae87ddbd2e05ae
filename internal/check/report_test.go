package check_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/check"
)

var reported = []check.Finding{
	{Check: "tcp", Subject: "ns1.auth.test (192.0.2.1)", Status: check.Fault, Message: "answers over UDP only", Fix: "open TCP port 53"},
	{Check: "certificate", Subject: "auth.test", Status: check.Warning, Message: "it expires soon", Fix: "renew it"},
	{Check: "cname", Subject: "example.org", Status: check.OK, Message: "leads there"},
	{Check: "caa", Subject: "example.org", Status: check.Skipped, Message: "no answer"},
}

func TestReportForPeople(t *testing.T) {
	for want, style := range map[string]check.Style{
		`fault    tcp          ns1.auth.test (192.0.2.1): answers over UDP only
                      do: open TCP port 53
warning  certificate  auth.test: it expires soon
                      do: renew it
ok       cname        example.org: leads there
skipped  caa          example.org: no answer
1 fault, 1 warning, 1 skipped, 1 ok
`: {},
		`✗ fault    tcp          ns1.auth.test (192.0.2.1): answers over UDP only
                        do: open TCP port 53
! warning  certificate  auth.test: it expires soon
                        do: renew it
✓ ok       cname        example.org: leads there
- skipped  caa          example.org: no answer
1 fault, 1 warning, 1 skipped, 1 ok
`: {Symbols: true},
		"\x1b[31mfault  \x1b[0m  tcp          ns1.auth.test (192.0.2.1): answers over UDP only\n" +
			"                      do: open TCP port 53\n" +
			"\x1b[33mwarning\x1b[0m  certificate  auth.test: it expires soon\n" +
			"                      do: renew it\n" +
			"\x1b[32mok     \x1b[0m  cname        example.org: leads there\n" +
			"\x1b[2mskipped\x1b[0m  caa          example.org: no answer\n" +
			"1 fault, 1 warning, 1 skipped, 1 ok\n": {Colour: true},
	} {
		var got bytes.Buffer
		if err := check.WriteText(&got, reported, style); err != nil {
			t.Fatal(err)
		}
		if got.String() != want {
			t.Errorf("%+v:\n%s", style, got.String())
		}
	}
}

// TestLongReportShowsWhatIsToBeDone: of hundreds of domains, not each that is well.
func TestLongReportShowsWhatIsToBeDone(t *testing.T) {
	var findings []check.Finding
	for range 200 {
		findings = append(findings,
			check.Finding{Check: "cname", Subject: "example.org", Status: check.OK, Message: "leads there"},
			check.Finding{Check: "caa", Subject: "example.org", Status: check.Skipped, Message: "no time", Fix: "give some"})
	}
	findings = append(findings, reported[0], reported[0])
	want := `skipped  caa  example.org and 199 more: no time
              do: give some
fault    tcp  ns1.auth.test (192.0.2.1): answers over UDP only
              do: open TCP port 53
fault    tcp  ns1.auth.test (192.0.2.1): answers over UDP only
              do: open TCP port 53
2 faults, 200 skipped, 200 ok (not shown: acmezone check --json has all)
`
	var got bytes.Buffer
	if err := check.WriteText(&got, findings, check.Style{}); err != nil || got.String() != want {
		t.Errorf("%s, %v", got.String(), err)
	}
}

func TestReportOfNothing(t *testing.T) {
	var got bytes.Buffer
	if err := check.WriteJSON(&got, nil); err != nil || got.String() != "[]\n" {
		t.Errorf("%q, %v", got.String(), err)
	}
}

// TestReportDoesNotSteerTheTerminal: what a stranger's record holds is shown, not obeyed.
func TestReportDoesNotSteerTheTerminal(t *testing.T) {
	b, opts := customerBed(t, point("evil")+`evil CAA 0 issue "\027[2Jca.example"`)
	b.accounts["evil.cust.example"] = "evil"
	var got bytes.Buffer
	if err := check.WriteText(&got, check.Run(context.Background(), opts, []check.Domain{{Name: "evil.cust.example"}}), check.Style{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.String(), "let \uFFFD[2jca.example issue certificates") || strings.Contains(got.String(), "\x1b") {
		t.Errorf("%q", got.String())
	}
}
