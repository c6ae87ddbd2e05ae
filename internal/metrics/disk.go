package metrics

import (
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// diskGroup reads sizes, in octets. What can't be read is left out, and missed.
func diskGroup(database string) (g group) {
	size := g.gauge("database_size_bytes", "Size of the database file.")
	wal := g.gauge("database_wal_size_bytes", "Size of the database's write-ahead log.")
	free := g.gauge("database_disk_free_bytes", "Room for the service on the file system of the database.")
	total := g.gauge("database_disk_size_bytes", "Size of the file system of the database.")
	g.read = func(to chan<- prometheus.Metric) {
		for path, m := range map[string]metric{database: size, database + "-wal": wal} {
			if info, err := os.Stat(path); err == nil {
				m.is(to, float64(info.Size()))
			}
		}
		var fs unix.Statfs_t
		if unix.Statfs(filepath.Dir(database), &fs) == nil {
			free.is(to, float64(fs.Bavail)*float64(fs.Bsize))
			total.is(to, float64(fs.Blocks)*float64(fs.Bsize))
		}
	}
	return g
}
