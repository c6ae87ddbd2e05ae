package check

import (
	"context"

	"github.com/acmezone/acmezone/internal/nsdctl"
)

// nsdServers inspects the NSD of this machine, and returns where it and those that it
// notifies can be asked: what a 200 of the service waits for.
func (c *checker) nsdServers(ctx context.Context) ([]server, []Finding) {
	if c.NSD == nil {
		return nil, nil
	}
	f := Finding{Check: "nsd", Subject: c.NSD.Config, Status: OK}
	found, err := nsdctl.Inspect(ctx, *c.NSD)
	if err != nil {
		f.Status, f.Message = Fault, oneLine(err)
		return confirmers(c.NSD.Confirm), []Finding{f}
	}
	f.Message = "NSD can be controlled and reads " + found.ZoneFile
	others := found.Secondaries
	if c.NSD.Confirm != nil {
		others = c.NSD.Confirm
	}
	return confirmers(append(found.Listeners, others...)), []Finding{f}
}

func confirmers(addrs []string) []server {
	var all []server
	for _, addr := range addrs {
		all = append(all, server{addr: addr})
	}
	return all
}
