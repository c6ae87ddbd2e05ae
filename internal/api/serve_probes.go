package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
)

// What is asked for at admin.listen is small and soon answered, so each connection is for
// one request, and there are few. When there are too many the one that has been waited for
// longest gives way: no flood there, or of the API's connections, keeps a question out.
const (
	maxProbers     = 256
	proberTime     = 5 * time.Second  // for a request to arrive
	probeTime      = 15 * time.Second // for its answer
	maxProbeHeader = 4 << 10
)

// ServeProbes answers on the listener until ctx is done, finishes what it has begun, and
// returns nil. It shares nothing with the API's server.
func ServeProbes(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           guarded(recovered(log, h)),
		ConnContext:       withConnection,
		ReadHeaderTimeout: proberTime,
		ReadTimeout:       proberTime,
		WriteTimeout:      proberTime + probeTime,
		MaxHeaderBytes:    maxProbeHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.SetKeepAlivesEnabled(false)
	nobody := func() Proxies { return Proxies{} }
	l = guardedListener{l, nobody, limit.NewConnections(limit.Bounds{Total: maxProbers}), func() {}}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case <-ctx.Done():
	case err := <-ended:
		return errors.Join(err, server.Close())
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-ended
	return err
}
