package main

import (
	"log/slog"
	"path/filepath"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/templates"
)

// loadTemplates reads the operator's templates, for a command whose output they make:
// what is wrong with them is its error.
func loadTemplates(cfg *config.Config) (*templates.Set, error) {
	set, err := templates.Load(templatesFolder(cfg))
	if err != nil {
		return nil, usageError{err}
	}
	return set, nil
}

// templateSource is for what goes on without them: a comment at the head of a zone
// file holds up nothing.
func templateSource(cfg *config.Config, log *slog.Logger) *templates.Source {
	return templates.NewSource(templatesFolder(cfg), func(err error) {
		log.Warn("templates can't be used: the ones from before stay until all are right", "err", err)
	})
}

// templatesFolder is the folder "templates" beside the configuration file, or "" where
// there is no file.
func templatesFolder(cfg *config.Config) string {
	if cfg.File() == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(cfg.File()), "templates")
}
