package zonetext

import (
	"bytes"
	"fmt"
	"strings"
)

// ObstacleKind says why there can't be a CNAME at a name.
type ObstacleKind string

// The kinds of obstacles.
const (
	ObstacleOutside ObstacleKind = "outside" // the name isn't in the zone
	ObstacleCut     ObstacleKind = "cut"     // NS at the name or above it: delegated
	ObstacleDNAME   ObstacleKind = "dname"   // DNAME above it
	ObstacleCNAME   ObstacleKind = "cname"   // a CNAME at the name; Data is its target
	ObstacleData    ObstacleKind = "data"    // other data at the name
)

// Obstacle is a record that is in the way of a CNAME.
type Obstacle struct {
	Kind  ObstacleKind
	Owner string // absolute, lower case
	Type  string // upper case, such as "TXT"
	Data  string // of CNAME, NS, DNAME: the target, absolute and in lower case; else as written
	File  string // where it stands
	Line  int    // from 1

	name string // that was asked for
}

// String is a clause for an error message, with file and line.
func (o *Obstacle) String() string {
	place := fmt.Sprintf("(%s:%d)", o.File, o.Line)
	switch o.Kind {
	case ObstacleOutside:
		return fmt.Sprintf("%s isn't in the zone of %s", o.name, o.File)
	case ObstacleCut:
		return fmt.Sprintf("%s is delegated to %s %s, so %s must be in that zone", o.Owner, o.Data, place, o.name)
	case ObstacleDNAME:
		return fmt.Sprintf("%s has a DNAME to %s %s, which takes every name below it", o.Owner, o.Data, place)
	case ObstacleCNAME:
		return fmt.Sprintf("%s has a CNAME to %s already %s", o.Owner, o.Data, place)
	}
	return fmt.Sprintf("%s has %s data already %s, beside which there can't be a CNAME", o.Owner, o.Type, place)
}

// Obstacle returns what is in the way of a CNAME at an absolute name, nil if nothing
// is. A cut or DNAME above the name goes before what is at the name; a CNAME there
// before other data. Names below it are no obstacle, and neither is a wildcard that
// covers it.
func (t *Tree) Obstacle(name string) *Obstacle {
	name = absolute([]byte(name), ".")
	if !isBelow(name, t.apex) && name != t.apex {
		return &Obstacle{Kind: ObstacleOutside, File: t.root.file.name, name: name}
	}
	var worst *Obstacle
	for s := range t.records() {
		if kind := t.obstacleKind(s, name); worst == nil && kind != "" || worst != nil && kind.before(worst.Kind) {
			worst = s.obstacle(kind, name)
		}
	}
	return worst
}

// obstacleKind is "" for a record that is in nobody's way.
func (t *Tree) obstacleKind(s step, name string) ObstacleKind {
	at, above := s.name == name, isBelow(name, s.name)
	switch {
	case !at && !above:
		return ""
	case s.isType("NS") && s.name != t.apex:
		return ObstacleCut
	case above && s.isType("DNAME"):
		return ObstacleDNAME
	case at && s.isType("CNAME"):
		return ObstacleCNAME
	case at:
		return ObstacleData
	}
	return ""
}

// before is the order in which obstacles are told.
func (k ObstacleKind) before(other ObstacleKind) bool {
	rank := map[ObstacleKind]int{ObstacleCut: 4, ObstacleDNAME: 3, ObstacleCNAME: 2, ObstacleData: 1}
	return rank[k] > rank[other]
}

func (s step) obstacle(kind ObstacleKind, name string) *Obstacle {
	o := &Obstacle{Kind: kind, Owner: s.name, Type: s.typeName(), File: s.file.name, Line: s.line, name: name}
	switch o.Type {
	case "CNAME", "NS", "DNAME":
		o.Data = s.target()
	default:
		var fields [][]byte
		for field := range s.data() {
			fields = append(fields, field)
		}
		o.Data = string(bytes.Join(fields, []byte(" ")))
	}
	return o
}

// isBelow reports whether name is a name below above; both are in canonical form.
func isBelow(name, above string) bool {
	if above == "." {
		return name != "."
	}
	rest, ok := strings.CutSuffix(name, "."+above)
	return ok && !endsInEscape(rest)
}

// endsInEscape reports whether the dot after a text would be escaped.
func endsInEscape(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}
