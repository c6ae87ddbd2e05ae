package api

import (
	"net/http"
	"strings"
	"time"
)

// Observer counts requests. It is called by any number of goroutines, once for each
// request when it has been answered.
type Observer interface {
	// Answered is told one of the few names of endpoints, whatever the path was.
	Answered(endpoint string, status int, took time.Duration)
}

// The names of endpoints that an Observer is told.
const (
	endpointHealth  = "health"
	endpointStorage = "storage"
	endpointOther   = "other" // what doesn't exist
)

// endpointOf names the endpoint by what the log calls its requests.
func endpointOf(what string) string {
	if strings.HasPrefix(what, "account store") {
		return endpointStorage
	}
	return what // register, update
}

// observed tells an Observer of each request.
func observed(observer Observer, next http.Handler) http.Handler {
	if observer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived := time.Now()
		m := &measured{ResponseWriter: w, endpoint: endpointOther}
		defer func() { observer.Answered(m.endpoint, m.outcome(), time.Since(arrived)) }()
		next.ServeHTTP(m, r)
	})
}

// at notes which endpoint a request was for, where it is measured.
func at(w http.ResponseWriter, endpoint string) {
	if m, ok := w.(*measured); ok {
		m.endpoint = endpoint
	}
}

// measured remembers what was answered.
type measured struct {
	http.ResponseWriter
	endpoint string
	status   int
}

// WriteHeader notes the status.
func (m *measured) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
	}
	m.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (m *measured) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// outcome is 200 where a handler wrote nothing else, as net/http has it.
func (m *measured) outcome() int {
	if m.status == 0 {
		return http.StatusOK
	}
	return m.status
}
