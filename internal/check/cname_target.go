package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pointFix is the record to be added, as exactly as it is known.
func (j *judge) pointFix() string {
	switch {
	case !j.bound.known:
		return fmt.Sprintf("this prints the record for the zone %s, and registers the domain if it isn't yet: acmezone cname %s", bare(j.zone), j.domain.Name)
	case j.attached():
		return "acmezone attach " + j.domain.Name
	}
	return fmt.Sprintf("put into the zone %s, and raise its serial: %s IN CNAME %s", bare(j.zone), j.domain.challengeName(), j.bound.target)
}

// attached reports whether the CNAME is one that acmezone may put there itself.
func (j *judge) attached() bool {
	return j.bound.known && slices.ContainsFunc(j.AttachZones, func(z string) bool {
		return strings.EqualFold(bare(z), bare(j.zone))
	})
}

// judgeTarget follows the CNAME to its end.
func (j *judge) judgeTarget(ctx context.Context, views []view) []Finding {
	chain, err := j.follow(ctx, views[0].target)
	switch end := chain[len(chain)-1]; {
	case errors.Is(err, errLoop):
		return []Finding{j.finding(Fault,
			fmt.Sprintf("the CNAMEs lead in a circle: %s", arrows(append([]string{j.domain.challengeName()}, chain...))), "end the circle: "+j.pointFix())}
	case errors.Is(err, errLong):
		return []Finding{j.finding(Fault,
			fmt.Sprintf("the chain of CNAMEs from %s has more than %d links: CAs and resolvers give up", bare(j.domain.challengeName()), longestChain), "lead it there directly: "+j.pointFix())}
	case err != nil:
		return []Finding{j.finding(Skipped, fmt.Sprintf("it leads to %s, which couldn't be followed: %v", bare(views[0].target), err), "")}
	case !j.ours(end):
		return []Finding{j.finding(Fault,
			fmt.Sprintf("%s leads to %s, outside of %s: values that are set here are not found", bare(j.domain.challengeName()), arrows(chain), bare(j.Definition.Name())), "replace it: "+j.pointFix())}
	default:
		return j.judgeAccount(ctx, views, end)
	}
}

// judgeAccount compares the name in our zone with the one that belongs to the domain.
func (j *judge) judgeAccount(ctx context.Context, views []view, end string) []Finding {
	f := j.finding(OK, fmt.Sprintf("leads to %s on all servers of %s (%d)", bare(end), bare(j.zone), len(views)), "")
	if j.Accounts == nil || j.bound.known && j.bound.target == end {
		return []Finding{f, j.checkCache(ctx, views[0])}
	}
	whose, nobody := j.owner(ctx, end)
	f.Message = fmt.Sprintf("leads to %s, %s", bare(end), whose)
	switch {
	case j.bound.known:
		f.Status, f.Fix = Fault, "replace it: "+j.pointFix()
		f.Message += ", and not to the account bound to this domain, " + bare(j.bound.target)
		return []Finding{f}
	case nobody:
		f.Status, f.Fix = Fault, "replace it: "+j.pointFix()
		f.Message += ": nobody can set a value there"
		return []Finding{f}
	case j.bound.err != nil:
		f.Status = Skipped
		f.Message += "; whether it is the right one couldn't be found out: " + oneLine(j.bound.err)
	default:
		f.Message += "; no account is bound to this domain itself"
	}
	return []Finding{f, j.checkCache(ctx, views[0])}
}
