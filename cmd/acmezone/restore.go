package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/store"
)

func restoreCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "put a backup in the place of the database",
		ArgsUsage: "FILE",
		Description: "The service must be stopped. The database from before is kept beside the new one,\n" +
			"with .before-restore at the end of its name. The zone's serial goes on from the later\n" +
			"of the two; names given out since the backup are never given out again.\n\nExample:\n" +
			"   acmezone restore /var/backups/acmezone.db",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "take a backup of another zone", DisableDefaultText: true},
			jsonFlag(), configFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usagef("'restore' takes one FILE, but was given %d; see 'acmezone restore --help'", c.Args().Len())
			}
			return restore(c, s)
		},
	}
}

func restore(c *cli.Context, s surroundings) error {
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	def, err := define(cfg)
	if err != nil {
		return err
	}
	opts, err := storeOptions(cfg, def, cliLockWait, log)
	if err != nil {
		return err
	}
	trail, err := openAudit(cfg, log)
	if err != nil {
		return err
	}
	defer trail.Close() // nothing is buffered
	done, err := store.Restore(c.Context, opts, c.Args().First(), c.Bool("force"))
	entry := audit.Entry{Event: "restore", Result: audit.OK, Count: int64(done.Accounts), Who: audit.Self(), Via: audit.ViaDatabase}
	if err != nil {
		trail.Write(entry.Fail(audit.Failed, "", err))
		return err
	}
	trail.Write(entry)
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(map[string]any{
			"database": opts.Path, "zone": withoutDot(done.Zone), "serial": done.Serial, "accounts": done.Accounts,
			"kept": done.Kept, "retired": done.Retired, "notes": restoreNotes(done),
		})
	}
	for _, note := range restoreNotes(done) {
		fmt.Fprintln(s.stderr, "note:", note)
	}
	fmt.Fprintf(s.stdout, "%s is restored: serial %d, %d accounts\n", opts.Path, done.Serial, done.Accounts)
	if done.Kept != "" {
		fmt.Fprintf(s.stdout, "the database from before is %s\n", done.Kept)
	}
	return nil
}

// restoreNotes says what an operator should know of the time between backup and now.
func restoreNotes(done store.Restored) []string {
	notes := []string{}
	if done.Unread != nil {
		notes = append(notes, fmt.Sprintf("the database from before could not be asked for its serial and for the names given out since the backup (%s): "+
			"the serial of NSD and of its secondaries is followed when the service starts", oneLine(done.Unread)))
	}
	if done.Retired > 0 {
		notes = append(notes, fmt.Sprintf("%d accounts made since the backup are gone; their names are never given out again", done.Retired))
	}
	if done.Returned > 0 {
		notes = append(notes, fmt.Sprintf("%d accounts that were removed since the backup are there again: see 'acmezone account list'", done.Returned))
	}
	if done.Tokens > 0 {
		notes = append(notes, fmt.Sprintf("%d tokens that were revoked since the backup are good again: see 'acmezone token list'", done.Tokens))
	}
	if done.Rotated > 0 {
		notes = append(notes, fmt.Sprintf("%d accounts have their password from before a rotation again: rotate those anew whose old password others know", done.Rotated))
	}
	return notes
}

func withoutDot(name string) string { return strings.TrimSuffix(name, ".") }
