package metrics

import (
	"errors"
	"strconv"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Answered counts a request to the API.
func (m *Metrics) Answered(endpoint string, status int, took time.Duration) {
	m.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
	m.requestTime.WithLabelValues(endpoint).Observe(took.Seconds())
}

// Committed counts a transaction and what was in it.
func (m *Metrics) Committed(changes []zone.Change, errs []error, took time.Duration) {
	m.batch.Observe(float64(len(changes)))
	m.commitTime.Observe(took.Seconds())
	var failed error
	for i, change := range changes {
		m.changes.WithLabelValues(kindOf(change), resultOf(errs[i])).Inc()
		if notStored(errs[i]) {
			failed = errs[i]
		}
	}
	if failed != nil {
		m.commitFailed.Inc()
	}
}

// Published counts a round of a publisher.
func (m *Metrics) Published(publisher string, took time.Duration, err error) {
	m.publishTime.WithLabelValues(publisher).Observe(took.Seconds())
	failures := m.publishFails.WithLabelValues(publisher)
	if err != nil && !errors.Is(err, zone.ErrOvertaken) {
		failures.Inc()
	}
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case notStored(err):
		return "failed"
	}
	return "refused"
}

func notStored(err error) bool {
	return errors.Is(err, zone.ErrNotStored) || errors.Is(err, zone.ErrForked)
}

func kindOf(change zone.Change) string {
	switch change.(type) {
	case zone.SetValue:
		return "update"
	case zone.Register:
		return "register"
	case zone.RemoveValue:
		return "remove_value"
	case zone.BindDomain:
		return "bind"
	case zone.UnbindDomain:
		return "unbind"
	case zone.RotatePassword:
		return "rotate"
	case zone.GivePasswords:
		return "give_passwords"
	case zone.ReplacePassword:
		return "replace_password"
	case zone.RemoveAccount:
		return "account_remove"
	case zone.CreateToken:
		return "token_create"
	case zone.RevokeToken:
		return "token_revoke"
	case zone.Import:
		return "import"
	case zone.Expire:
		return "expire"
	case zone.RaiseSerial:
		return "raise_serial"
	case zone.Redefine:
		return "redefine"
	case zone.Heartbeat:
		return "heartbeat"
	}
	return "other"
}
