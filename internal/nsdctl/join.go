package nsdctl

import (
	"fmt"
	"strings"
)

// join is errors.Join in one line, as logs and health have it.
func join(errs ...error) error {
	var some []any
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0].(error)
	}
	return fmt.Errorf(strings.TrimSuffix(strings.Repeat("%w; ", len(some)), "; "), some...)
}
