package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/attach"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/systemd"
)

func attachHelperCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "attach-helper",
		Usage: "attach domains for the service, which itself may not write customers' zones",
		Description: "Root runs it; examples/systemd has its units, which start it when it is needed. It\n" +
			"takes a domain and a target from whoever may use its socket, and edits nothing but the\n" +
			"zones of nsd.attach_zones in its own configuration. With its units in place,\n" +
			"'systemctl enable --now acmezone-attach.socket' is all.\n\n" +
			"Example:\n" +
			"   acmezone attach-helper --socket /run/acmezone-attach.sock --group acmezone",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "socket", Usage: "listen at the unix socket `PATH`, unless systemd hands one over", DefaultText: "nsd.attach_socket"},
			&cli.StringFlag{Name: "group", Usage: "let the `GROUP` use it, that of the service"},
			configFlag(),
		},
		Before: noArguments,
		Action: func(c *cli.Context) error { return runAttachHelper(c, s) },
	}
}

func runAttachHelper(c *cli.Context, s surroundings) error {
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	editor, err := freshEditor(c, s)
	if err != nil {
		return err
	}
	socket := c.String("socket")
	if socket == "" {
		socket = cfg.NSD.AttachSocket
	}
	l, err := helperListener(c, socket)
	if err != nil {
		return err
	}
	trail, err := openAudit(cfg, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	log.Info("ready to attach", "socket", l.Addr().String(), "zones", editor.Zones)
	return errors.Join(attach.Serve(c.Context, l, func() (*attach.Editor, error) {
		editor, err := freshEditor(c, s)
		if err == nil {
			editor.Audit, editor.Via = trail, audit.ViaHelper
		}
		return editor, err
	}, log), trail.Close())
}

// freshEditor reads the configuration anew: the zones in it may be others by now. It names
// what the helper may edit and what it runs, so it must not be the service's own.
func freshEditor(c *cli.Context, s surroundings) (*attach.Editor, error) {
	path := configPath(c, s)
	if path != "" && os.Geteuid() == 0 {
		if err := attach.WrittenByOthers(path); err != nil {
			return nil, usagef("root's helper does what the configuration says, and %w", err)
		}
	}
	cfg, err := readConfig(path, s)
	if err != nil {
		return nil, err
	}
	return newEditor(cfg)
}

// helperListener takes the socket that systemd hands over, or makes one.
func helperListener(c *cli.Context, path string) (net.Listener, error) {
	inherited, err := systemd.Inherit()
	if err != nil {
		return nil, err
	}
	defer inherited.Close() // what isn't wanted
	if l, err := inherited.Only(); l != nil || err != nil {
		return l, err
	}
	l, err := listenSocket(c.Context, "nsd.attach_socket", path)
	if err != nil {
		return nil, err
	}
	if c.IsSet("group") {
		if err := giveToGroup(path, c.String("group")); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

func giveToGroup(path, name string) error {
	group, err := user.LookupGroup(name)
	if err != nil {
		return usagef("--group: %w", err)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return fmt.Errorf("--group: %w", err)
	}
	return os.Chown(path, -1, gid)
}
