package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version, commit and the day of the commit are set by the linker: -X
// main.version=1.2.3. Without that, what the Go tool has left in the binary counts.
var version, commit, committed = "development", "unknown", ""

func versionCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version, the commit and the Go version",
		Description: "Example:\n   acmezone version --json",
		Flags:       []cli.Flag{jsonFlag(), configFlag()},
		Before:      noArguments,
		Action: func(c *cli.Context) error {
			v := thisVersion()
			if c.Bool("json") {
				return json.NewEncoder(s.stdout).Encode(v)
			}
			_, err := fmt.Fprintf(s.stdout, "acmezone %s, commit %s, %s %s\n", v.Version, v.Commit, v.Go, v.Platform)
			return err
		},
	}
}

type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisVersion reads what the Go tool left in the binary.
func thisVersion() versionInfo {
	v := versionInfo{version, commit, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if version == "development" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && commit == "unknown" {
			v.Commit = s.Value
		}
	}
	return v
}
