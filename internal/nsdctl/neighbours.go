package nsdctl

import (
	"context"
	"os"
	"strings"
)

// Neighbour is a zone that NSD has, and where its file is.
type Neighbour struct {
	Zone string // as NSD's configuration spells it
	File string // absolute; "" for none
}

// Neighbours returns all zones of NSD's, the zone itself among them: those of its
// configuration, and those that were added to the running NSD, as far as this user may
// read its list of them.
func (z *HandWritten) Neighbours(ctx context.Context) ([]Neighbour, error) {
	text, err := z.conf.run(ctx, "-v")
	if err != nil {
		return nil, err
	}
	list, err := z.conf.option(ctx, "zonelistfile")
	if err != nil {
		return nil, err
	}
	zones, patterns := clauses(text)
	for _, file := range list {
		added, _ := os.ReadFile(file) // it isn't there before one is added
		for line := range strings.SplitSeq(string(added), "\n") {
			if words := strings.Fields(line); len(words) == 3 && words[0] == "add" {
				zones = append(zones, Neighbour{words[1], patterns[words[2]]})
			}
		}
	}
	for i, n := range zones {
		zones[i].File = z.absoluteFile(n.File, n.Zone)
	}
	return zones, nil
}

// clauses reads zone: and pattern: clauses of a configuration as nsd-checkconf prints it,
// one option a line, what isn't set after a "#".
func clauses(lines []string) (zones []Neighbour, patterns map[string]string) {
	patterns = make(map[string]string)
	clause, name := "", ""
	for _, line := range lines {
		option, value, _ := strings.Cut(line, ":")
		begins := value == "" && !strings.HasPrefix(line, "#")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case begins:
			clause = option
		case option == "name" && clause == "zone":
			zones = append(zones, Neighbour{Zone: value})
		case option == "name":
			name = value
		case option == "zonefile" && clause == "zone" && len(zones) > 0:
			zones[len(zones)-1].File = value
		case option == "zonefile" && clause == "pattern":
			patterns[name] = value
		}
	}
	return zones, patterns
}
