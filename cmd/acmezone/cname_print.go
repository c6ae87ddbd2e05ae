package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// print writes the records, and where the credentials are to be among them, those.
func (n *cnames) print(c *cli.Context, all []printed, fresh []credentials) error {
	var records bytes.Buffer
	if c.Bool("json") {
		objects := []cnameObject{}
		for _, p := range all {
			objects = append(objects, n.records.object(p))
		}
		if err := json.NewEncoder(&records).Encode(objects); err != nil {
			return err
		}
	} else if err := n.writeRecords(&records, all); err != nil {
		return err
	}
	if format := c.String("format"); format != "" && len(fresh) > 0 {
		return n.printFormatted(format, records.String(), fresh)
	}
	_, err := records.WriteTo(n.stdout)
	return err
}

func (n *cnames) writeRecords(w io.Writer, all []printed) error {
	for _, p := range all {
		if n.records.relative && len(all) > 1 { // else nobody knows which is whose
			fmt.Fprintf(w, "; %s\n", p.domain)
		}
		if err := n.records.write(w, n.set, p); err != nil {
			return err
		}
	}
	return nil
}

// printFormatted makes standard output a text that the client can read as it is: the
// records are comments in it, or where it can have none they go to standard error.
func (n *cnames) printFormatted(format, records string, fresh []credentials) error {
	if commented(format) {
		for line := range strings.Lines(records) {
			if _, err := fmt.Fprint(n.stdout, "# ", line); err != nil {
				return err
			}
		}
	} else {
		fmt.Fprint(n.stderr, records)
	}
	return writerOf(format)(n.stdout, fresh)
}
