package zonetext

import "testing"

func TestObstacle(t *testing.T) {
	tree := mustTree(t, map[string]string{
		"/zones/example.org": head + `* TXT "any"
www A 192.0.2.1
_acme-challenge.www TXT ( "old" ; challenge
  "x y" )
_acme-challenge CNAME Old.Auth.Example.NET.
_acme-challenge.rel IN 60 CNAME old
	TXT "beside it"
a._acme-challenge.above A 192.0.2.2
sub NS ns.sub
_acme-challenge.sub CNAME x.
moved 60 IN TYPE39 elsewhere.example.
$INCLUDE a other.example.org.
*.wild NS ns.elsewhere.
"q.uoted" A 192.0.2.3
esc\.aped.www A 192.0.2.4
\119\087w2 A 192.0.2.5
`,
		"/zones/a": "@ A 192.0.2.1\n_ACME-challenge AAAA 2001:db8::1\n",
	})
	for name, want := range map[string]string{
		"_acme-challenge.new.example.org.":     "",
		"_acme-challenge.above.example.org.":   "",
		"_acme-challenge.a.wild.example.org.":  "",
		"x._acme-challenge.www.example.org.":   "",
		"_acme-challenge.WWW.example.org.":     `_acme-challenge.www.example.org. has TXT data already (/zones/example.org:6), beside which there can't be a CNAME`,
		"_acme-challenge.example.org":          `_acme-challenge.example.org. has a CNAME to old.auth.example.net. already (/zones/example.org:8)`,
		"_acme-challenge.rel.example.org.":     `_acme-challenge.rel.example.org. has a CNAME to old.example.org. already (/zones/example.org:9)`,
		"_acme-challenge.sub.example.org.":     `sub.example.org. is delegated to ns.sub.example.org. (/zones/example.org:12), so _acme-challenge.sub.example.org. must be in that zone`,
		"sub.example.org.":                     `sub.example.org. is delegated to ns.sub.example.org. (/zones/example.org:12), so sub.example.org. must be in that zone`,
		"_acme-challenge.a.moved.example.org.": `moved.example.org. has a DNAME to elsewhere.example. (/zones/example.org:14), which takes every name below it`,
		"moved.example.org.":                   `moved.example.org. has DNAME data already (/zones/example.org:14), beside which there can't be a CNAME`,
		"_acme-challenge.other.example.org.":   `_acme-challenge.other.example.org. has AAAA data already (/zones/a:2), beside which there can't be a CNAME`,
		"example.org.":                         `example.org. has SOA data already (/zones/example.org:2), beside which there can't be a CNAME`,
		"_acme-challenge.example.com.":         `_acme-challenge.example.com. isn't in the zone of /zones/example.org`,
		"_acme-challenge.notexample.org.":      `_acme-challenge.notexample.org. isn't in the zone of /zones/example.org`,
		`q\.uoted.example.org.`:                `q\.uoted.example.org. has A data already (/zones/example.org:17), beside which there can't be a CNAME`,
		"uoted.example.org.":                   "",
		"aped.www.example.org.":                "",
		"www2.example.org.":                    `www2.example.org. has A data already (/zones/example.org:19), beside which there can't be a CNAME`,
	} {
		got := ""
		if o := tree.Obstacle(name); o != nil {
			got = o.String()
		}
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestObstacleFields(t *testing.T) {
	tree := mustTree(t, map[string]string{"/zones/example.org": head + "a TXT ( \"old\" ; challenge\n  \"x y\" )\nb cname Auth\n"})
	for name, want := range map[string]Obstacle{
		"a.example.org.": {Kind: ObstacleData, Owner: "a.example.org.", Type: "TXT", Data: `"old" "x y"`, File: "/zones/example.org", Line: 4},
		"b.example.org.": {Kind: ObstacleCNAME, Owner: "b.example.org.", Type: "CNAME", Data: "auth.example.org.", File: "/zones/example.org", Line: 6},
	} {
		got := *tree.Obstacle(name)
		got.name = ""
		if got != want {
			t.Errorf("%+v", got)
		}
	}
}
