package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/acmezone/acmezone/internal/zone"
)

var (
	errForbidden             = errors.New("forbidden")
	errBadTXT                = errors.New("the value is no DNS-01 value of 43 characters")
	errMalformed             = errors.New("the body is no JSON object of the expected form")
	errAllowFrom             = errors.New("an entry of allowfrom is no network")
	errDomain                = errors.New("the last part of the path is no domain")
	errBadAccount            = errors.New("the body is not the account that was registered")
	errNotYours              = errors.New("the token is not good for that domain")
	errRegistrationForbidden = errors.New("registration is not allowed from here without a token")
	errRegistrationClosed    = errors.New("registration is closed")
	errTooLarge              = errors.New("the body is too large")
	errSlow                  = errors.New("the body did not arrive in time")
	errRateLimited           = errors.New("too often")
	errNotFound              = errors.New("there is nothing at this path")
	errMethod                = errors.New("the path has no such method")
	errUnhealthy             = errors.New("unhealthy")
	errNotLive               = errors.New("not live")
	errNotReady              = errors.New("not ready")
	errForeignHost           = errors.New("the Host is not this machine's")
)

// retrySeconds is what Retry-After says: by then what was stored is served again
// if the cause is gone.
const retrySeconds = 10

// statuses is the one table from an error to what the client sees. The first
// entry that matches counts.
var statuses = []struct {
	err    error
	status int
	code   string
}{
	{errRateLimited, http.StatusTooManyRequests, "rate_limited"},
	{errForbidden, http.StatusUnauthorized, "forbidden"},
	{zone.ErrNoAccount, http.StatusUnauthorized, "forbidden"},
	{errBadTXT, http.StatusBadRequest, "bad_txt"},
	{errMalformed, http.StatusBadRequest, "malformed_json_payload"},
	{errAllowFrom, http.StatusBadRequest, "invalid_allowfrom_cidr"},
	{zone.ErrSource, http.StatusBadRequest, "bad_import"},
	{errDomain, http.StatusBadRequest, "bad_domain"},
	{errBadAccount, http.StatusBadRequest, "bad_account"},
	{errRegistrationForbidden, http.StatusForbidden, "registration_forbidden"},
	{zone.ErrToken, http.StatusForbidden, "registration_forbidden"},
	{errNotYours, http.StatusForbidden, "forbidden"},
	{zone.ErrForeign, http.StatusForbidden, "forbidden"},
	{zone.ErrBound, http.StatusConflict, "domain_bound"},
	{zone.ErrNotBound, http.StatusNotFound, "not_found"},
	{zone.ErrTaken, http.StatusConflict, "taken"},
	{errRegistrationClosed, http.StatusForbidden, "registration_closed"},
	{errTooLarge, http.StatusRequestEntityTooLarge, "body_too_large"},
	{errSlow, http.StatusRequestTimeout, "request_timeout"},
	{errNotFound, http.StatusNotFound, "not_found"},
	{errMethod, http.StatusMethodNotAllowed, "method_not_allowed"},
	{zone.ErrNotPublished, http.StatusServiceUnavailable, "not_published"},
	{zone.ErrNotStored, http.StatusServiceUnavailable, "not_stored"},
	{zone.ErrForked, http.StatusServiceUnavailable, "not_stored"},
	{zone.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{errUnhealthy, http.StatusServiceUnavailable, "unhealthy"},
	{errNotLive, http.StatusServiceUnavailable, "not_live"},
	{errNotReady, http.StatusServiceUnavailable, "not_ready"},
	{errForeignHost, http.StatusForbidden, "forbidden"},
}

// statusOf returns what a client sees of an error; internals stay in the log.
func statusOf(err error) (status int, code string) {
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status, s.code
		}
	}
	return http.StatusInternalServerError, "internal_error"
}

func writeError(w http.ResponseWriter, err error) { writeReason(w, err, "") }

// writeReason writes an error as acme-dns does, {"error": "code"} in one line, and
// a reason where there is something that the asker may know.
func writeReason(w http.ResponseWriter, err error, reason string) {
	if reason == "" {
		writeFailure(w, err, "")
		return
	}
	writeFailure(w, err, `, "reason": `+asJSON(reason))
}

// writeUnhealthy writes what is wrong, and what else the service does without.
func writeUnhealthy(w http.ResponseWriter, err error, degraded []string) {
	more := `, "reason": ` + asJSON(err.Error())
	if len(degraded) > 0 {
		more += `, "degraded": ` + asJSON(degraded)
	}
	writeFailure(w, errUnhealthy, more)
}

// asJSON is for texts, which always can be.
func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// writeFailure writes an error, and more behind its code.
func writeFailure(w http.ResponseWriter, err error, more string) {
	status, code := statusOf(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retrySeconds))
	}
	var limited rateLimited
	if errors.As(err, &limited) {
		seconds := math.Ceil(limited.wait.Seconds())
		w.Header().Set("Retry-After", strconv.Itoa(int(max(1, seconds))))
	}
	if status == http.StatusRequestTimeout || status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close")
	}
	writeJSON(w, status, []byte(`{"error": "`+code+`"`+more+`}`))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}
