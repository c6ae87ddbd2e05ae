package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/attach"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// printEdits says what became of the zones, or would.
func printEdits(c *cli.Context, s surroundings, done string, results []attach.Result) error {
	if c.Bool("json") {
		return encodeEdits(s, results)
	}
	for _, r := range results {
		for _, warning := range r.Warnings {
			fmt.Fprintf(s.stderr, "warning: zone %s: %s\n", r.Zone, warning)
		}
		text := summary(r, done)
		switch {
		case c.Bool("patch"):
			text = difference(r, true)
		case c.Bool("dry-run"):
			text = difference(r, false)
		}
		if text == "" {
			fmt.Fprintf(s.stderr, "zone %s: nothing would be changed\n", r.Zone)
		}
		if _, err := fmt.Fprint(s.stdout, text); err != nil {
			return err
		}
	}
	return nil
}

// summary is a line for a zone that was edited.
func summary(r attach.Result, done string) string {
	if len(r.Changes) == 0 {
		done += " already"
	}
	return fmt.Sprintf("zone %s: %s %s, serial %d, answered by %s\n",
		r.Zone, strings.Join(r.Domains, ", "), done, r.Serial, strings.Join(r.Confirmed, ", "))
}

// difference is a patch: for the repository of the zone files, or for all files as they
// lie on this machine, from the root folder.
func difference(r attach.Result, repository bool) string {
	var text strings.Builder
	for _, change := range r.Changes {
		if repository && change.Snippet {
			continue
		}
		text.Write(zonetext.Unified(patchName(change, repository), change.Old, change.New))
	}
	return text.String()
}

func patchName(change attach.Change, repository bool) string {
	if repository {
		return change.Name
	}
	return strings.TrimPrefix(change.Path, "/")
}

// editObject is a zone in JSON.
type editObject struct {
	attach.Result
	Changed bool           `json:"changed"` // or would be, with --dry-run
	Files   []changeObject `json:"files"`
}

type changeObject struct {
	Path string `json:"path"`
	Diff string `json:"diff"`
}

func encodeEdits(s surroundings, results []attach.Result) error {
	objects := []editObject{}
	for _, r := range results {
		o := editObject{r, len(r.Changes) > 0, []changeObject{}}
		for _, change := range r.Changes {
			diff := zonetext.Unified(patchName(change, false), change.Old, change.New)
			o.Files = append(o.Files, changeObject{change.Path, string(diff)})
		}
		objects = append(objects, o)
	}
	return json.NewEncoder(s.stdout).Encode(objects)
}

// reportAttach says what 'config check' finds of the zones that may be edited.
func reportAttach(ctx context.Context, s surroundings, cfg *config.Config) {
	if cfg.NSD == nil || len(cfg.NSD.AttachZones) == 0 {
		return
	}
	editor, err := newEditor(cfg)
	if err != nil {
		return // which says nothing more than the condition above
	}
	files, err := editor.Inspect(ctx)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(s.stderr, "warning:", line)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(s.stdout, "attach edits the zone %s in %s\n", name, files[name])
	}
}
