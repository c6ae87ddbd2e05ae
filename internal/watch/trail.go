package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// step is a path on the way to a file.
type step struct {
	path   string
	folder bool // a real folder; else a link, the file itself, or what is missing
}

// maxSteps ends a circle of links; the kernel gives up after 40 of them.
const maxSteps = 256

// trail returns every path on the way to a file that decides which file it is: each
// folder, each link, wherever it leads, and the file itself. It ends early at what is
// missing. Under certbot, live/NAME/cert.pem is a link into archive; under Kubernetes
// it is a link through another that is switched; and operators put links of their own
// before these.
func trail(file string) []step {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil
	}
	var steps []step
	at, rest := "/", names(abs)
	for len(rest) > 0 && len(steps) < maxSteps {
		name := rest[0]
		rest = rest[1:]
		if name == ".." { // at has no links left in it
			at = filepath.Dir(at)
			continue
		}
		path := filepath.Join(at, name)
		info, err := os.Lstat(path)
		steps = append(steps, step{path, err == nil && info.IsDir()})
		switch {
		case err != nil:
			return steps
		case info.Mode().Type() != fs.ModeSymlink:
			at = path
			continue
		}
		target, err := os.Readlink(path)
		if err != nil {
			return steps
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(names(target), rest...)
	}
	return steps
}

func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}
