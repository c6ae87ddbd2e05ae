package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// defaultConfig is read where neither --config nor $ACMEZONE_CONFIG names a file.
const defaultConfig = "/etc/acmezone/acmezone.toml"

// loadConfig reads the configuration of a command. Where none is named and the
// default isn't there, the environment alone may hold it.
func loadConfig(c *cli.Context, s surroundings) (*config.Config, *slog.Logger, error) {
	cfg, err := readConfig(configPath(c, s), s)
	if err != nil {
		return nil, nil, err
	}
	log, err := newLogger(s.stderr, cfg)
	return cfg, log, err
}

func configPath(c *cli.Context, s surroundings) string {
	if path := c.String("config"); path != "" {
		return path
	}
	if path := s.getenv("ACMEZONE_CONFIG"); path != "" {
		return path
	}
	if _, err := os.Stat(defaultConfig); errors.Is(err, os.ErrNotExist) && s.getenv("ACMEZONE_ZONE_NAME") != "" {
		return ""
	}
	return defaultConfig
}

func readConfig(path string, s surroundings) (*config.Config, error) {
	cfg, err := config.Load(path, s.environ)
	if err == nil {
		err = cfg.Validate()
	}
	if errors.Is(err, os.ErrNotExist) && path == defaultConfig {
		return nil, usagef("%w; name another with --config FILE, or try 'acmezone serve --dev'", err)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// networks parses what the configuration has validated already.
func networks(entries []string) []netip.Prefix {
	var all []netip.Prefix
	for _, e := range entries {
		if n, err := zone.ParseNetwork(e); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func configCommand(s surroundings) *cli.Command {
	return group("config", "look after the configuration", &cli.Command{
		Name:        "check",
		Usage:       "say whether a configuration is right",
		ArgsUsage:   "FILE",
		Description: "Example:\n   acmezone config check /etc/acmezone/acmezone.toml",
		Flags:       []cli.Flag{configFlag()},
		Action:      func(c *cli.Context) error { return checkConfig(c, s) },
	})
}

// checkConfig does all that serve does before it binds an address.
func checkConfig(c *cli.Context, s surroundings) error {
	path := configPath(c, s)
	switch c.Args().Len() {
	case 0:
	case 1:
		path = c.Args().First()
	default:
		return usagef("'config check' takes one FILE, but was given %d", c.Args().Len())
	}
	cfg, err := readConfig(path, s)
	if err != nil {
		return err
	}
	if err := cfg.CheckServe(); err != nil {
		return usageError{err}
	}
	def, err := define(cfg)
	if err != nil {
		return err
	}
	if err := checkCertificate(s, cfg, def); err != nil {
		return usageError{cfg.Locate(err)}
	}
	if _, err := loadTemplates(cfg); err != nil {
		return err
	}
	if err := checkAuditFolder(cfg); err != nil {
		return err
	}
	printWarnings(s.stderr, cfg, def)
	remindRoot(s.stderr, cfg, path)
	if cfg.NSD.Publishes() {
		reportNSD(c.Context, s, cfg, def)
	}
	reportAttach(c.Context, s, cfg)
	_, err = fmt.Fprintf(s.stdout, "%s is right: zone %s\n", path, cfg.Zone.Name)
	return err
}

// checkCertificate asks no CA.
func checkCertificate(s surroundings, cfg *config.Config, def *zone.Definition) error {
	switch cfg.API.TLS {
	case "files":
		files, err := cert.OpenFiles(cfg.API.CertFile, cfg.API.KeyFile, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		if trouble := files.Status().Trouble(time.Now()); trouble != "" {
			fmt.Fprintln(s.stderr, "warning:", trouble)
		}
	case "acme":
		want, err := managed(cfg, def)
		if err == nil {
			_, err = want.Check()
		}
		if err != nil {
			return err
		}
		if want.Challenge.CNAME != "" {
			fmt.Fprintf(s.stdout, "api.hostname lies outside the zone; its certificate needs this record in its own zone: %s\n", want.Challenge.CNAME)
		}
		if def.OwesAddressToWildcard(want.Host) {
			fmt.Fprintln(s.stderr, "warning:", wildcardWarning(want.Host))
		}
	}
	return nil
}

// remindRoot says, where root asks, that the user whose database it is may be able to read
// less: certificates of certbot's are root's alone.
func remindRoot(w io.Writer, cfg *config.Config, path string) {
	secret := secretFiles(cfg.API)
	if os.Geteuid() != 0 || secret == "" {
		return
	}
	var folder unix.Stat_t
	if unix.Stat(filepath.Dir(cfg.Store.Path), &folder) != nil || folder.Uid == 0 {
		return
	}
	owner, err := user.LookupId(strconv.FormatUint(uint64(folder.Uid), 10))
	if err != nil {
		return
	}
	fmt.Fprintf(w, "note: root can read %s; whether the service's user can, this says: runuser -u %s -- acmezone config check %s\n", secret, owner.Username, path)
}

// secretFiles are those that are often root's alone, "" where there are none.
func secretFiles(a config.API) string {
	switch {
	case a.TLS == "files":
		return "the certificate files"
	case a.TLS == "acme" && a.ACMEEABKeyFile != "":
		return "the file of api.acme_eab_hmac_key_file"
	}
	return ""
}

func printWarnings(w io.Writer, cfg *config.Config, def *zone.Definition) {
	for _, warning := range cfg.Warnings() {
		fmt.Fprintln(w, "warning:", warning)
	}
	for _, host := range def.NameserversWithoutAddress() {
		fmt.Fprintf(w, "warning: the name server %s lies in the zone and has no address there: add an A or AAAA record to zone.records\n", host)
	}
}
