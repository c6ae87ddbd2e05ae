// Package audit is the audit log: who changed what, and from where, as JSON lines in a
// file that several processes append to, the service, commands beside it and
// attach-helper. It holds no secret: whoever writes an entry names accounts and tokens
// by their IDs.
package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// Results of what an entry is about.
const (
	OK      = "ok"
	Refused = "refused" // by acmezone: the asker may not, or asked for nonsense
	Failed  = "failed"  // what was asked for could not be done
)

// Via says which way a change came where no client asked for it over HTTP.
const (
	ViaSocket   = "admin socket"
	ViaDatabase = "database" // a command, while no service ran
	ViaCommand  = "command"  // a command that edits zones of others
	ViaHelper   = "attach-helper"
)

// Entry is one line. What is empty is left out.
type Entry struct {
	Time      string   `json:"time"` // RFC 3339, UTC, milliseconds; Log.Write sets it
	Event     string   `json:"event"`
	Result    string   `json:"result"`
	Reason    string   `json:"reason,omitempty"` // the code that the asker was given
	Detail    string   `json:"detail,omitempty"` // what the asker wasn't told
	Account   string   `json:"account,omitempty"`
	Subdomain string   `json:"subdomain,omitempty"`
	Domain    string   `json:"domain,omitempty"`
	Domains   []string `json:"domains,omitempty"` // of an account or a token
	Target    string   `json:"target,omitempty"`  // of a CNAME
	Owner     string   `json:"owner,omitempty"`   // in the zone, of a value
	Value     string   `json:"value,omitempty"`   // of a TXT record: DNS shows it to everybody
	Token     string   `json:"token,omitempty"`   // its ID
	Count     int64    `json:"count,omitempty"`   // accounts imported, octets of a backup, lines left out
	Client    string   `json:"client,omitempty"`  // address
	Who
	Via string `json:"via,omitempty"`
}

// timeForm is RFC 3339 with milliseconds, which time.RFC3339Nano cuts where they are 0.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

// maxDetail bounds what strangers may have a say in, in octets.
const maxDetail = 300

// line renders the entry, with the line's end.
func (e Entry) line(now time.Time) ([]byte, error) {
	e.Time = now.UTC().Format(timeForm)
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "") + "…"
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(e)
	return line.Bytes(), err
}

// Fail returns the entry as one of something that failed, or that was refused with the
// code that its asker was given.
func (e Entry) Fail(result, code string, err error) Entry {
	e.Result, e.Reason = result, code
	if err != nil {
		e.Detail = oneLine(err)
	}
	return e
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
