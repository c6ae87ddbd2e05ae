package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

func delegationCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "delegation",
		Usage: "print the NS and glue records for the parent zone",
		Description: "It needs the configuration only.\n\n" +
			"Example:\n   acmezone delegation --config acmezone.toml >> example.org.zone",
		Flags:  []cli.Flag{jsonFlag(), configFlag()},
		Before: noArguments,
		Action: func(c *cli.Context) error { return printDelegation(c, s) },
	}
}

func printDelegation(c *cli.Context, s surroundings) error {
	cfg, _, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	def, err := define(cfg)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if c.Bool("json") {
		err = encodeDelegation(&text, def)
	} else {
		err = writeDelegation(&text, cfg, def)
	}
	if err != nil {
		return err
	}
	for _, host := range def.NameserversWithoutAddress() {
		fmt.Fprintf(s.stderr, "warning: the name server %s lies in the zone and has no address there, so its glue is missing: add an A or AAAA record to zone.records\n", host)
	}
	_, err = text.WriteTo(s.stdout)
	return err
}

func writeDelegation(w io.Writer, cfg *config.Config, def *zone.Definition) error {
	set, err := loadTemplates(cfg)
	if err != nil {
		return err
	}
	return zonegen.WriteDelegation(w, set, def)
}

// record is a DNS record in JSON: names have the dot at the end, data are in
// presentation format.
type record struct {
	Name string `json:"name"`
	TTL  uint32 `json:"ttl"`
	Type string `json:"type"`
	Data string `json:"data"`
}

func encodeDelegation(w io.Writer, def *zone.Definition) error {
	ns, glue := zonegen.Delegation(def)
	var records []record
	for _, rr := range append(ns, glue...) {
		h := rr.Header()
		records = append(records, record{h.Name, h.Ttl, dns.Type(h.Rrtype).String(), strings.TrimPrefix(rr.String(), h.String())})
	}
	return json.NewEncoder(w).Encode(struct {
		Zone    string   `json:"zone"`
		Records []record `json:"records"`
	}{strings.TrimSuffix(def.Name(), "."), records})
}
