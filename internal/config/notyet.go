package config

import "fmt"

// checkNotYet refuses keys whose feature this version doesn't have, where leaving
// them aside would make the service something else than its operator asked for.
func (c *Config) checkNotYet() error {
	for _, k := range []struct {
		set           bool
		key, what, do string
	}{
		{len(c.Publish.Confirm) > 0 && !c.NSD.Publishes(), "publish.confirm", "publish.confirm without [nsd]", "leave it out: the embedded server proves what it answers"},
	} {
		if k.set {
			return c.at(k.key, fmt.Errorf("%s is not in this version yet: %s", k.what, k.do))
		}
	}
	return nil
}
