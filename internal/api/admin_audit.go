package api

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// Audited has the audit log told of what an operator changes, or takes away in a backup,
// whichever way the command line takes. Whom the context of a request to the admin socket
// doesn't name is this process's user.
func Audited(admin Admin, log *audit.Log, via string) Admin {
	if log == nil {
		return admin
	}
	return &audited{admin, log, via}
}

type audited struct {
	Admin
	log *audit.Log
	via string
}

func (a *audited) write(ctx context.Context, entry audit.Entry, err error) {
	entry.Result, entry.Who, entry.Via = audit.OK, whoAsks(ctx), a.via
	if err != nil {
		entry = auditError(entry, err)
	}
	a.log.Write(entry)
}

// Do makes a change durable.
func (a *audited) Do(ctx context.Context, change zone.Change) error {
	err := a.Admin.Do(ctx, change)
	a.write(ctx, changeEntry(change), err)
	return err
}

// Import takes accounts over; one that changes nothing isn't worth a line.
func (a *audited) Import(ctx context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.ImportResult, error) {
	result, err := a.Admin.Import(ctx, rows, dryRun)
	if !dryRun {
		a.write(ctx, audit.Entry{Event: "import", Count: int64(result.New)}, err)
	}
	return result, err
}

// Backup writes a copy of the database.
func (a *audited) Backup(ctx context.Context, w io.Writer) error {
	written := &countingWriter{to: w}
	err := a.Admin.Backup(ctx, written)
	a.write(ctx, audit.Entry{Event: "backup", Count: written.n}, err)
	return err
}

// whoAsks is who is at the other end of a request's unix socket or, where the context is
// no request's, this process's user.
func whoAsks(ctx context.Context) audit.Who {
	if conn, ok := ctx.Value(connectionKey).(*connection); ok {
		return audit.Peer(conn.raw)
	}
	if ctx.Value(http.ServerContextKey) != nil {
		return audit.Who{}
	}
	return audit.Self()
}
