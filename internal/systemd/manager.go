// Package systemd speaks with the service manager that has started the process, if one
// has: it says how the service is (sd_notify(3)), and takes the sockets that the manager
// holds for it (sd_listen_fds(3)). Without systemd all of it does nothing.
package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is the service manager. The nil one is none. Its methods may be called by any
// number of goroutines.
type Manager struct {
	watchdog time.Duration
	log      *slog.Logger
	ready    atomic.Bool
	deaf     sync.Once // its socket was found not to take anything
}

// Find returns the manager that waits for word of this process, nil if none does. Word
// goes to $NOTIFY_SOCKET, a path or, with an @ in front, a name in the abstract
// namespace.
func Find(log *slog.Logger) (*Manager, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("the environment of the service manager: %w", err)
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil
	}
	return &Manager{watchdog: watchdog, log: log}, nil
}

// Watchdog returns the time after which the manager ends a process that hasn't called
// Feed, 0 where it doesn't.
func (m *Manager) Watchdog() time.Duration {
	if m == nil {
		return 0
	}
	return m.watchdog
}

// Ready says that the service does its work.
func (m *Manager) Ready() {
	if m != nil {
		m.ready.Store(true)
		m.tell(daemon.SdNotifyReady)
	}
}

// Reload says that the configuration is being read again for as long as do takes.
func (m *Manager) Reload(do func()) {
	if m != nil && m.ready.Load() { // else it is being started
		m.tell(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
		defer m.Ready()
	}
	do()
}

// Stopping says that the service is about to end.
func (m *Manager) Stopping() { m.tell(daemon.SdNotifyStopping) }

// Feed says that a self-test has found the service well.
func (m *Manager) Feed() { m.tell(daemon.SdNotifyWatchdog) }

// Status says in one line how the service is.
func (m *Manager) Status(line string) {
	m.tell("STATUS=" + strings.ReplaceAll(line, "\n", "; "))
}

// The manager is asked for more time that often, and for that much each time.
const (
	extendEvery = 10 * time.Second
	extendBy    = 3 * extendEvery
)

// Extend asks the manager for more time than its unit gives for starting or stopping,
// once at least, until ctx is done or that long has passed. It returns when it has ended.
func (m *Manager) Extend(ctx context.Context, most time.Duration) {
	if m == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(extendEvery)
	defer tick.Stop()
	for {
		m.tell(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", extendBy.Microseconds()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell sends a message. That it can't be sent is said once: the service itself goes on.
func (m *Manager) tell(message string) {
	if m == nil {
		return
	}
	if _, err := daemon.SdNotify(false, message); err != nil {
		m.deaf.Do(func() { m.log.Warn("the service manager can't be told how the service is", "err", err) })
	}
}
