package attach

import (
	"strings"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// tell has the audit log say what became of each domain of a zone. A dry run changes
// nothing, so there is nothing to tell.
func (e *Editor) tell(r *request, err error) {
	if e.DryRun {
		return
	}
	for _, domain := range r.domains {
		entry := audit.Entry{Event: "detach", Domain: domain, Result: audit.OK, Who: e.Who, Via: e.Via}
		if cname := r.wanted[zone.ChallengeOwner(domain)]; cname != nil {
			entry.Event, entry.Target = "attach", strings.TrimSuffix(cname.Target, ".")
		}
		if err != nil {
			entry = entry.Fail(audit.Failed, "", err)
		}
		e.Audit.Write(entry)
	}
}

// refuse has the audit log say that an edit was not begun, and returns why.
func (e *Editor) refuse(event, domain, target string, err error) error {
	if !e.DryRun {
		entry := audit.Entry{Event: event, Domain: domain, Target: target, Who: e.Who, Via: e.Via}
		e.Audit.Write(entry.Fail(audit.Refused, "", err))
	}
	return err
}
