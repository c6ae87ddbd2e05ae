package acmedns

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/zone"
)

// group is an account as it is stored there: any column may hold anything.
type group struct {
	username, subdomain, password, allowFrom any

	rows   int          // of the query
	values []zone.Value // that aren't empty
	stored int          // rows of the table of values
	latest int64        // newest LastUpdate
}

func (g *group) same(other group) bool {
	return g.rows > 0 && text(g.username) == text(other.username) && text(g.subdomain) == text(other.subdomain)
}

// add takes one value; an empty one is a place that was never used.
func (g *group) add(value, at any) {
	g.rows++
	if value == nil && at == nil {
		return
	}
	g.stored++
	set := unix(at)
	g.latest = max(g.latest, set)
	if txt := text(value); txt != "" {
		g.values = append(g.values, zone.Value{Text: txt, SetAt: set})
	}
}

// served is how many values acme-dns answers.
const served = 2

// row makes an account of it, unless it can't be one.
func (g *group) row(sum *Summary, withValues bool) (zone.ImportRow, bool) {
	sum.Accounts++
	id, err := uuid.Parse(text(g.username))
	if err != nil {
		sum.skip(fmt.Sprintf("the row with user name %.60q and subdomain %.80q", text(g.username), text(g.subdomain)), "the user name is no UUID")
		return zone.ImportRow{}, false
	}
	a := zone.Account{Username: id.String(), Subdomain: strings.ToLower(text(g.subdomain)), Bcrypt: passwordText(g.password)}
	note := func(what string) { sum.note(a, what) }
	a.AllowFrom = g.allowList(sum, note)
	if g.latest > 0 {
		a.Updated = time.Unix(g.latest, 0)
	}
	sum.count(a)
	if withValues && g.stored == 0 {
		note("has no row for its values: acme-dns has answered its updates and served none")
	}
	slices.SortStableFunc(g.values, func(v, w zone.Value) int { return cmp.Compare(w.SetAt, v.SetAt) })
	if g.stored > served {
		note(fmt.Sprintf("has %d rows of values instead of %d: the newest count", g.stored, served))
	}
	return zone.ImportRow{Account: a, Values: g.values[:min(served, len(g.values))]}, true
}

// allowList keeps what can be read. acme-dns passes over an entry that is no network,
// and lets everybody in where none is left, or where the list itself can't be read;
// here such a list lets nobody in.
func (g *group) allowList(sum *Summary, note func(string)) zone.AllowList {
	stored := strings.TrimSpace(text(g.allowFrom))
	if stored == "" {
		return zone.AllowList{}
	}
	var entries []string
	if err := json.Unmarshal([]byte(stored), &entries); err != nil {
		sum.BadLists++
		note(fmt.Sprintf("is closed: its allow list %.60q can't be read, and acme-dns let everybody in", stored))
		return zone.ClosedList()
	}
	var good, bad []string
	for _, e := range entries {
		if _, err := zone.ParseNetwork(strings.TrimSpace(e)); err == nil {
			good = append(good, e)
		} else if strings.TrimSpace(e) != "" {
			bad = append(bad, e)
		}
	}
	list, _ := zone.ParseAllowList(good) // each was read just now
	if len(bad) == 0 {
		return list
	}
	sum.BadLists++
	if len(good) == 0 {
		note(fmt.Sprintf("is closed: no entry of its allow list %.60q is a network, and acme-dns let everybody in", bad))
		return zone.ClosedList()
	}
	note(fmt.Sprintf("loses entries of its allow list that are no networks: %.60q", bad))
	return list
}

// passwordText is the bcrypt hash, which SQLite has as a BLOB, PostgreSQL as text, and
// some exports as a bytea in digits.
func passwordText(v any) string {
	stored := text(v)
	if digits, ok := strings.CutPrefix(stored, `\x`); ok {
		if plain, err := hex.DecodeString(digits); err == nil {
			return string(plain)
		}
	}
	return stored
}

// text returns a column as text, whichever type its database gave it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(bytes.ToValidUTF8(v, []byte("\ufffd")))
	}
	return fmt.Sprint(v)
}

// unix returns a column as a Unix time, 0 if it is none.
func unix(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	case time.Time:
		return v.Unix()
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(text(v)), 10, 64)
	return n
}
