package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/zone"
)

func checkCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "find out live what is wrong, and say what to type",
		ArgsUsage: "[DOMAIN...]",
		Description: "Without DOMAIN it checks the zone (delegation, glue, every name server), NSD, the\n" +
			"service and its certificate, and each domain that has an account; with DOMAIN the\n" +
			"CNAME, CAA and DNSSEC of those. It changes nothing. Exit code 1 means a fault.\n\n" +
			"Examples:\n   acmezone check\n   acmezone check example.com '*.example.net'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "resolver", Usage: "ask the recursive resolver at that `ADDRESS`, such as 9.9.9.9 or 127.0.0.1:5353", DefaultText: "the first of /etc/resolv.conf"},
			&cli.DurationFlag{Name: "timeout", Usage: "say what is known after that `DURATION`", Value: check.DefaultDeadline},
			jsonFlag(), configFlag(),
		},
		Action: func(c *cli.Context) error { return runCheck(c, s) },
	}
}

func runCheck(c *cli.Context, s surroundings) error {
	cfg, _, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	domains, err := checkedDomains(c.Args().Slice())
	if err != nil {
		return err
	}
	opts, err := checkOptions(cfg)
	if err != nil {
		return err
	}
	if opts.Deadline = c.Duration("timeout"); opts.Deadline <= 0 {
		return usagef("--timeout %v is no time at all: give some, such as 30s", opts.Deadline)
	}
	if opts.Resolver, err = resolverAddress(c.String("resolver")); err != nil {
		return err
	}
	findings := check.Run(c.Context, opts, domains)
	if c.Context.Err() != nil {
		return errors.New("interrupted")
	}
	return report(s, findings, c.Bool("json"))
}

// report prints the findings; faults make an error.
func report(s surroundings, findings []check.Finding, asJSON bool) error {
	var err error
	if asJSON {
		err = check.WriteJSON(s.stdout, findings)
	} else {
		err = check.WriteText(s.stdout, findings, styleFor(s))
	}
	if err != nil {
		return err
	}
	switch n := check.Count(findings, check.Fault); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 fault was found; what to do is said with it")
	default:
		return fmt.Errorf("%d faults were found; what to do is said with each", n)
	}
}

// styleFor has symbols and colours for a terminal only (no-color.org).
func styleFor(s surroundings) check.Style {
	terminal := isTerminal(s.stdout) && s.getenv("TERM") != "dumb"
	return check.Style{Symbols: terminal, Colour: terminal && s.getenv("NO_COLOR") == ""}
}

func checkedDomains(args []string) ([]check.Domain, error) {
	var all []check.Domain
	for _, arg := range args {
		name, err := zone.ParseDomain(arg)
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, check.Domain{Name: name, Wildcard: strings.HasPrefix(strings.TrimSpace(arg), "*.")})
	}
	return all, nil
}
