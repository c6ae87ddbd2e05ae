package main

import (
	"bytes"
	"encoding/json"

	"github.com/urfave/cli/v2"
)

func zoneCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:        "zone",
		Usage:       "print the zone as a zone file",
		Description: "Example:\n   acmezone zone --config acmezone.toml > auth.example.org.zone",
		Flags:       []cli.Flag{jsonFlag(), configFlag()},
		Before:      noArguments,
		Action: func(c *cli.Context) error {
			var file bytes.Buffer
			err := withControl(c, s, func(ctl control) error { return ctl.WriteZone(c.Context, &file) })
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return json.NewEncoder(s.stdout).Encode(map[string]string{"zonefile": file.String()})
			}
			_, err = file.WriteTo(s.stdout)
			return err
		},
	}
}
