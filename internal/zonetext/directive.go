package zonetext

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Include is an $INCLUDE directive.
type Include struct {
	Path   string // as written, quotes and escapes resolved
	Origin string // absolute: the one it gives, or the one in force
	Line   int    // from 1
}

// Includes returns the $INCLUDE directives in the order of the text. The caller must
// not change them.
func (f *File) Includes() []Include { return f.includes }

// parseDirective takes what NSD knows, and $GENERATE. Any other word NSD passes over
// with a warning, where others take it for an owner.
func (f *File) parseDirective(s *scanner, e *entry) bool {
	name, line := s.directive(), s.line
	var arguments []span
	for field, ok := s.field(); ok; field, ok = s.field() {
		arguments = append(arguments, field)
	}
	if s.err == nil {
		if what := f.directive(name, arguments, e); what != "" {
			s.failAt(line, what)
		}
	}
	if e.kind == isInclude && s.line > line+1 {
		s.failAt(line, "an $INCLUDE over several lines")
	}
	return s.err == nil
}

// directive passes the name of the directive where the scanner stands, and returns it
// in capital letters: NSD takes either.
func (s *scanner) directive() string {
	start := s.pos
	for s.pos++; s.pos < len(s.text) && isLetter(s.text[s.pos]); s.pos++ {
	}
	name := strings.ToUpper(string(s.text[start:s.pos]))
	if s.pos < len(s.text) && roles[s.text[s.pos]] == ordinary {
		return name + string(s.text[s.pos:s.pos+1])
	}
	return name
}

func isLetter(c byte) bool { return c|' ' >= 'a' && c|' ' <= 'z' }

// directive returns what is wrong with one, "" if nothing is.
func (f *File) directive(name string, arguments []span, e *entry) string {
	switch {
	case name == "$GENERATE":
		e.kind = isGenerate
	case name != "$TTL" && name != "$ORIGIN" && name != "$INCLUDE":
		return fmt.Sprintf("%q is no directive that NSD knows: those are $TTL, $ORIGIN and $INCLUDE", name)
	case len(arguments) == 0:
		return name + " without a value"
	case len(arguments) > 2 || len(arguments) == 2 && name != "$INCLUDE":
		return name + " with too many values"
	case name == "$TTL":
		e.kind, e.rrtype = isTTLDirective, arguments[0]
		if value := unquoted(f.at(e.rrtype)); !isTTL(value) {
			return fmt.Sprintf("the $TTL %.40q is neither a number of seconds nor like 1h30m", value)
		}
	case name == "$ORIGIN":
		e.kind, e.origin = isOrigin, len(f.origins)
		f.origins = append(f.origins, absolute(f.at(arguments[0]), f.origins[e.origin-1]))
		return noName(f.origins[e.origin])
	default:
		e.kind = isInclude
		include := f.include(arguments, e)
		f.includes = append(f.includes, include)
		return noName(include.Origin)
	}
	return ""
}

// noName says of an origin that it isn't a domain name; else nothing of what is
// relative to it could be read.
func noName(origin string) string {
	if _, ok := dns.IsDomainName(origin); !ok {
		return fmt.Sprintf("the origin %.80q is no domain name", origin)
	}
	return ""
}

func (f *File) include(arguments []span, e *entry) Include {
	origin := f.origins[e.origin]
	if len(arguments) == 2 {
		origin = absolute(f.at(arguments[1]), origin)
	}
	return Include{Path: plain(f.at(arguments[0])), Origin: origin, Line: e.line}
}
