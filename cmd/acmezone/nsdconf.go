package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/templates"
)

func nsdConfCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "nsd-conf",
		Usage: "print the NSD stanza for the zone",
		Description: "It needs the configuration only. Addresses may have a port: 192.0.2.53@5353.\n\nExamples:\n" +
			"   acmezone nsd-conf --secondary 192.0.2.53 --secondary 2001:db8::53 --tsig transfer\n" +
			"   acmezone nsd-conf --for-secondary 192.0.2.1 --tsig transfer",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "secondary", Usage: "notify this `ADDRESS` and let it have the zone; may be repeated"},
			&cli.StringFlag{Name: "tsig", Usage: "transfers are signed with the key of that `NAME`", Value: noKey},
			&cli.StringFlag{Name: "for-secondary", Usage: "print a secondary's stanza, whose primary has this `ADDRESS`"},
			jsonFlag(), configFlag(),
		},
		Before: noArguments,
		Action: func(c *cli.Context) error { return printNSDConf(c, s) },
	}
}

// noKey is NSD's word for a transfer that isn't signed.
const noKey = "NOKEY"

func printNSDConf(c *cli.Context, s surroundings) error {
	cfg, _, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	stanza, err := nsdStanza(c, cfg)
	if err != nil {
		return err
	}
	set, err := loadTemplates(cfg)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := set.NSDStanza(&text, stanza); err != nil {
		return err
	}
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(struct {
			Zone   string `json:"zone"`
			Stanza string `json:"stanza"`
		}{stanza.Zone, text.String()})
	}
	_, err = text.WriteTo(s.stdout)
	return err
}

func nsdStanza(c *cli.Context, cfg *config.Config) (templates.NSDStanza, error) {
	var none templates.NSDStanza
	def, err := define(cfg)
	if err != nil {
		return none, err
	}
	stanza := templates.NSDStanza{Zone: strings.TrimSuffix(def.Name(), "."), Key: c.String("tsig")}
	if !keyName.MatchString(stanza.Key) {
		return none, usagef("--tsig %q is no name of a key: letters, digits, dots and hyphens make one", stanza.Key)
	}
	if c.IsSet("for-secondary") {
		return forSecondary(c, stanza)
	}
	if stanza.ZoneFile, err = nsdZoneFile(cfg, stanza.Zone); err != nil {
		return none, err
	}
	stanza.Secondaries, err = servers("--secondary", c.StringSlice("secondary"))
	return stanza, err
}

func forSecondary(c *cli.Context, stanza templates.NSDStanza) (templates.NSDStanza, error) {
	if c.IsSet("secondary") {
		return stanza, usagef("--secondary is for the primary's stanza, --for-secondary for a secondary's: give one of them")
	}
	primary, err := server("--for-secondary", c.String("for-secondary"))
	stanza.Primary = &primary
	return stanza, err
}

// keyName is what a TSIG key is called in nsd.conf: a domain name, without quotes.
var keyName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$`)

func servers(flag string, entries []string) ([]templates.Server, error) {
	var all []templates.Server
	for _, e := range entries {
		one, err := server(flag, e)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func server(flag, entry string) (templates.Server, error) {
	host, port, hasPort := strings.Cut(entry, "@")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() {
		return templates.Server{}, usagef("%s %q is no address such as 192.0.2.53 or 2001:db8::53", flag, entry)
	}
	if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0 || port[0] == '0') {
		return templates.Server{}, usagef("%s %q has no port from 1 to 65535 after the @", flag, entry)
	}
	return templates.Server{Address: addr.Unmap().String(), Port: port}, nil
}

// nsdZoneFile is the file as NSD shall know it; one that isn't absolute is relative
// to NSD's zonesdir.
func nsdZoneFile(cfg *config.Config, zone string) (string, error) {
	if cfg.NSD == nil || cfg.NSD.ZoneFile == "" {
		return zone + ".zone", nil
	}
	file := cfg.NSD.ZoneFile
	if strings.ContainsFunc(file, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
		return "", usageError{cfg.Locate(fmt.Errorf("nsd.zonefile: %q can't be written in nsd.conf: it has a quote, a backslash or a control character", file))}
	}
	return file, nil
}
