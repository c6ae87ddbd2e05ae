package cert

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// magicLog is certmagic's log. What matters to an operator is said elsewhere, once;
// so this goes to the debug level. It is also the only place where a CA's Retry-After
// comes by: the errors don't have it.
type magicLog struct {
	log    *slog.Logger
	fields []zapcore.Field
	heard  *heard
}

// heard is what the CA said last about when to come again.
type heard struct {
	mu         sync.Mutex
	retryAfter string
}

func newMagicLog(log *slog.Logger) *magicLog { return &magicLog{log: log, heard: &heard{}} }

func (l *magicLog) zap() *zap.Logger { return zap.New(l) }

func (l *magicLog) retryAfter() string {
	l.heard.mu.Lock()
	defer l.heard.mu.Unlock()
	return l.heard.retryAfter
}

func (l *magicLog) forgetRetryAfter() {
	l.heard.mu.Lock()
	defer l.heard.mu.Unlock()
	l.heard.retryAfter = ""
}

// The methods of zapcore.Core.

// Enabled has everything come by, for the sake of Retry-After.
func (l *magicLog) Enabled(zapcore.Level) bool { return true }

// With returns a log with further fields.
func (l *magicLog) With(fields []zapcore.Field) zapcore.Core {
	return &magicLog{l.log, append(l.fields[:len(l.fields):len(l.fields)], fields...), l.heard}
}

// Check adds the log to those that an entry is written to.
func (l *magicLog) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return checked.AddCore(e, l)
}

// Write passes an entry on.
func (l *magicLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(l.fields[:len(l.fields):len(l.fields)], fields...) {
		f.AddTo(values)
	}
	l.hear(values.Fields)
	if e.Level < zapcore.InfoLevel || !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	attrs := []any{"said", e.Message}
	for k, v := range values.Fields {
		attrs = append(attrs, k, v)
	}
	l.log.Debug("certificate authority", attrs...)
	return nil
}

// hear notes what acmez logs of an answer that puts the client off.
func (l *magicLog) hear(fields map[string]any) {
	status, _ := fields["status_code"].(int64)
	headers, _ := fields["response_headers"].(http.Header)
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	l.heard.mu.Lock()
	defer l.heard.mu.Unlock()
	l.heard.retryAfter = headers.Get("Retry-After")
}

// Sync has nothing to do.
func (l *magicLog) Sync() error { return nil }
