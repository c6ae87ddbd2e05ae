package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/client"
)

// serverFlags are for what can be done from another machine, with a token.
func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "server", Usage: "ask the acmezone at that `URL` instead, with --token; or $ACMEZONE_SERVER"},
		&cli.StringFlag{Name: "token", Usage: "the `TOKEN` for --server; $ACMEZONE_TOKEN keeps it out of the process list"},
	}
}

// remoteOf returns the service of --server, nil without it and for commands that don't
// have the flag.
func remoteOf(c *cli.Context, s surroundings) (*client.Remote, error) {
	has := func(f cli.Flag) bool { return slices.Contains(f.Names(), "server") }
	if !slices.ContainsFunc(c.Command.Flags, has) {
		return nil, nil
	}
	server, token := c.String("server"), c.String("token")
	if server == "" {
		server = s.getenv("ACMEZONE_SERVER")
	}
	if token == "" {
		token = s.getenv("ACMEZONE_TOKEN")
	}
	switch {
	case server == "" && c.IsSet("token"):
		return nil, usagef("--token goes with --server URL")
	case server == "":
		return nil, nil
	case token == "":
		return nil, usagef("--server needs a token: give --token, or set ACMEZONE_TOKEN; 'acmezone token create --domain example.org' makes one there")
	}
	remote, err := client.NewRemote(server, token)
	if err != nil {
		return nil, usageError{err}
	}
	return remote, nil
}
