package zone

import "testing"

// TestOdditySteersNoTerminal: a subdomain of somebody else's database may be anything.
func TestOdditySteersNoTerminal(t *testing.T) {
	long := make([]byte, 5000)
	for i := range long {
		long[i] = 'y'
	}
	for subdomain, want := range map[string]string{
		"plain":           "account u (plain) is odd",
		"evil\x1b[31m\nx": `account u ("evil\x1b[31m\nx") is odd`,
		string(long):      `account u ("` + string(long[:80]) + `") is odd`,
	} {
		if got := Oddity(Account{Username: "u", Subdomain: subdomain}, "is odd"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
