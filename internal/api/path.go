package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/acmezone/acmezone/internal/zone"
)

type contextKey int

const (
	pathTokenKey contextKey = iota
	serverLifeKey
	connKey
	connectionKey
)

// tolerantPath cleans the path itself, since a redirect would turn the clients'
// POST into a GET: empty segments go ("//update", "/update/"), so do the
// configured prefix and a registration token in first place. Nothing behind it,
// the log least of all, sees the token.
func tolerantPath(prefix string, next http.Handler) http.Handler {
	base := segments(prefix)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := segments(r.URL.Path)
		if isHealth := len(path) == 1 && path[0] == "health"; !isHealth {
			if len(path) < len(base) || !slices.Equal(path[:len(base)], base) {
				writeError(w, errNotFound)
				return
			}
			path = path[len(base):]
		}
		ctx := r.Context()
		if len(path) > 0 && zone.LooksLikeToken(path[0]) {
			ctx = context.WithValue(ctx, pathTokenKey, path[0])
			path = path[1:]
		}
		clean := r.WithContext(ctx)
		clean.URL = &url.URL{Path: "/" + strings.Join(path, "/")}
		clean.RequestURI = clean.URL.Path
		next.ServeHTTP(w, clean)
	})
}

func segments(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// requestToken returns the registration token of a request: the first segment of
// its path, a bearer token, or the user name or password of basic authentication.
func requestToken(r *http.Request) (string, bool) {
	if token, ok := r.Context().Value(pathTokenKey).(string); ok {
		return token, true
	}
	words := []string{}
	if scheme, word, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		words = append(words, strings.TrimSpace(word))
	}
	if user, password, ok := r.BasicAuth(); ok {
		words = append(words, password, user)
	}
	for _, word := range words {
		if zone.LooksLikeToken(word) {
			return word, true
		}
	}
	return "", false
}
