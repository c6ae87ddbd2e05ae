package config

import "testing"

// TestOrigins: one that no browser writes would never match.
func TestOrigins(t *testing.T) {
	for origin, good := range map[string]bool{
		"*": true, "https://panel.example.org": true, "HTTPS://Panel.example.org": true, "https://*.example.org": true,
		"http://localhost:8080": true, "https://[2001:db8::1]:8443": true, "https://panel.example.org:80": true, "app://panel": true,
		"https://panel.example.org/": false, "https://panel.example.org/x": false, "https://panel.example.org?x": false,
		"https://me@panel.example.org": false, "https://panel.example.org:443": false, "http://panel.example.org:80": false,
		"https://panel.example.org:": false, "https://": false, "https:panel": false, "null": false, "": false,
	} {
		if err := origins("api.cors_origins", []string{origin}); (err == nil) != good {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
