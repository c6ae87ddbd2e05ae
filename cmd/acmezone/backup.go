package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/durable"
	"github.com/acmezone/acmezone/internal/store"
)

func backupCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "copy the database, whether the service runs or not",
		ArgsUsage: "FILE",
		Description: "The copy is as the database was at one moment; the service goes on meanwhile. It is\n" +
			"checked before it has its name, and its owner's alone. With - it goes to standard\n" +
			"output, unchecked. The configuration isn't in it, nor the API's certificate and its\n" +
			"ACME account (api.acme_storage): a new certificate is got where they are missing.\n\nExamples:\n" +
			"   acmezone backup /var/backups/acmezone.db --force\n" +
			"   acmezone backup - | ssh backup.example.org 'cat > acmezone.db'",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it is there", DisableDefaultText: true},
			jsonFlag(), configFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usagef("'backup' takes one FILE, but was given %d; see 'acmezone backup --help'", c.Args().Len())
			}
			if c.Args().First() == "-" {
				return withControl(c, s, func(ctl control) error { return ctl.Backup(c.Context, s.stdout) })
			}
			return backup(c, s)
		},
	}
}

func backup(c *cli.Context, s surroundings) error {
	file, replace := c.Args().First(), c.Bool("force")
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	if err := mayBecome(file, cfg.Store.Path, replace); err != nil {
		return err
	}
	ctl, err := openControl(c.Context, cfg, log)
	if err != nil {
		return err
	}
	facts, size, err := backupTo(c.Context, ctl, file, replace)
	if err := errors.Join(err, ctl.Close()); err != nil {
		return err
	}
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(map[string]any{
			"file": file, "zone": withoutDot(facts.Zone), "serial": facts.Serial, "accounts": facts.Accounts, "bytes": size,
		})
	}
	_, err = fmt.Fprintf(s.stdout, "%s: serial %d, %d accounts, %d bytes\n", file, facts.Serial, facts.Accounts, size)
	return err
}

// mayBecome proves that nothing is lost when the file becomes the backup.
func mayBecome(file, database string, replace bool) error {
	if belongsTo(file, database) {
		return fmt.Errorf("%s is the database itself, or a part of it: name another file", file)
	}
	there, err := os.Lstat(file)
	if err != nil {
		return nil // nothing is there, or it will be said when it is made
	}
	if live, err := os.Stat(database); err == nil && os.SameFile(there, live) {
		return fmt.Errorf("%s is the database itself: name another file", file)
	}
	if there.IsDir() {
		return fmt.Errorf("%s is a folder: name a file in it", file)
	}
	if !replace {
		return fmt.Errorf("%s is there already: name another file, or replace it with --force", file)
	}
	return nil
}

// belongsTo reports whether the file has a name that the database uses, whether it is
// there or not: its log and its lock come and go.
func belongsTo(file, database string) bool {
	if !sameFolder(filepath.Dir(file), filepath.Dir(database)) {
		return false
	}
	suffix, begins := strings.CutPrefix(filepath.Base(file), filepath.Base(database))
	return begins && slices.Contains([]string{"", "-wal", "-shm", "-journal", ".lock"}, suffix)
}

func sameFolder(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// backupTo writes the copy beside the file, proves that it is sound and on the disk,
// and gives it its name. What fails leaves nothing there.
func backupTo(ctx context.Context, ctl control, file string, replace bool) (facts store.Facts, size int64, err error) {
	part := file + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return facts, 0, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(part) // it may not be there
		}
	}()
	if size, err = receive(ctx, ctl, part); err != nil {
		return facts, 0, fmt.Errorf("no backup was made: %w", err)
	}
	if facts, err = store.Verify(ctx, part); err != nil {
		return facts, 0, fmt.Errorf("no backup was made: the copy is no good: %w", err)
	}
	if err := rename(part, file, replace); err != nil {
		return facts, 0, err
	}
	return facts, size, durable.SyncFolder(file)
}

func receive(ctx context.Context, ctl control, path string) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	err = ctl.Backup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// rename gives a file its name, and unless told to replaces none.
func rename(from, to string, replace bool) error {
	if !replace {
		err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		if err == nil || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
			return err
		} // else the file system can't
	}
	return os.Rename(from, to)
}
