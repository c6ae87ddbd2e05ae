package acmedns

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Config is acme-dns' config.cfg; what has no meaning here is left out. Unknown keys
// are passed over, as acme-dns does.
type Config struct {
	Path    string `toml:"-"`
	General struct {
		Listen   string
		Protocol string
		Domain   string
		NSName   string
		NSAdmin  string
		Records  []string
	}
	Database struct {
		Engine     string
		Connection string
	}
	API struct {
		IP                  string
		Port                any  // a string, yet some write a number
		DisableRegistration bool `toml:"disable_registration"`
		TLS                 string
		CertFile            string   `toml:"tls_cert_fullchain"`
		KeyFile             string   `toml:"tls_cert_privkey"`
		ACMECacheDir        string   `toml:"acme_cache_dir"`
		Email               string   `toml:"notification_email"`
		CORSOrigins         []string `toml:"corsorigins"`
		UseHeader           bool     `toml:"use_header"`
		HeaderName          string   `toml:"header_name"`
	}
	LogConfig struct {
		LogLevel  string
		LogFormat string
	}
}

// largestConfig bounds what is taken for a configuration.
const largestConfig = 1 << 20

// throughConfig reads the configuration, if name is one, and returns the name of the
// database then.
func throughConfig(name string) (*Config, string, error) {
	if !looksLikeConfig(name) {
		return nil, name, nil
	}
	c, err := ReadConfig(name)
	if err != nil {
		return nil, "", err
	}
	database, err := c.database()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return c, database, nil
}

func looksLikeConfig(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".cfg", ".toml", ".conf":
		return !strings.Contains(name, "://")
	}
	return false
}

// ReadConfig reads acme-dns' config.cfg.
func ReadConfig(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &Config{Path: path}
	if _, err := toml.NewDecoder(io.LimitReader(f, largestConfig)).Decode(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// database returns what Open takes: a path or a URL.
func (c *Config) database() (string, error) {
	connection := c.Database.Connection
	switch c.Database.Engine {
	case "postgres":
		if !isURL(connection) {
			return "", errors.New("database.connection is no postgres:// URL: give one as SOURCE") // it holds a password
		}
		return connection, nil
	case "sqlite3", "sqlite":
	case "":
		return "", fmt.Errorf("it names no database.engine: is it acme-dns' config.cfg?")
	default:
		return "", fmt.Errorf("database.engine %q is none of sqlite3, sqlite, postgres", c.Database.Engine)
	}
	return c.find(sqlitePath(connection))
}

// sqlitePath takes the file's path out of a data source name.
func sqlitePath(connection string) string {
	path, isURI := strings.CutPrefix(connection, "file:")
	path, _, _ = strings.Cut(path, "?")
	if unescaped, err := url.PathUnescape(path); isURI && err == nil {
		path = strings.TrimPrefix(unescaped, "//")
	}
	return path
}

// usualFolder is where acme-dns' own unit has its working directory.
const usualFolder = "/var/lib/acme-dns"

// find looks for a path that is relative to acme-dns' working directory, which the
// file doesn't tell.
func (c *Config) find(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("it names no database.connection")
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	var tried []string
	for _, folder := range []string{filepath.Dir(c.Path), ".", usualFolder} {
		candidate := filepath.Join(folder, path)
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
		tried = append(tried, candidate)
	}
	return "", fmt.Errorf("database.connection %q is relative to acme-dns' working directory and there is none of %s: give the path of the database as SOURCE",
		path, strings.Join(tried, ", "))
}
