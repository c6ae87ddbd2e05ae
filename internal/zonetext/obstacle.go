package zonetext

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

	name string // the name that was asked for
}

// String is a clause for an error message, with file and line.
func (o *Obstacle) String() string { return "" }

// Obstacle returns what is in the way of a CNAME at an absolute name, nil if nothing
// is. A cut or DNAME above the name goes before what is at the name; a CNAME there
// before other data. Names below it are no obstacle, and neither is a wildcard that
// covers it.
func (t *Tree) Obstacle(name string) *Obstacle { return nil }
