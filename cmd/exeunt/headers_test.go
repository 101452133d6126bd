package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

// TestEveryAnswerTellsBrowsersWhatItIsNot asks every public endpoint, rightly or not.
func TestEveryAnswerTellsBrowsersWhatItIsNot(t *testing.T) {
	t.Parallel()
	for base, strict := range map[string]string{"http://id.localhost/": "", "https://id.example/": "max-age=31536000"} {
		in := startAt(t, testkit.File(t), base, "")
		asked := 0
		for _, e := range endpoints {
			if e.admin() {
				continue
			}
			a := in.call(e.method, e.address(in, uuid.NewString())+e.query, e.body)
			asked++
			policy := a.header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") && !strings.Contains(policy, "sandbox") {
				t.Errorf("%s %s: Content-Security-Policy %q", e.method, e.pattern, policy)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": strict} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s %s: %s %q, want %q", e.method, e.pattern, name, got, want)
				}
			}
			if p := a.header.Get("Referrer-Policy"); p != "no-referrer" && p != "same-origin" {
				t.Errorf("%s %s: Referrer-Policy %q", e.method, e.pattern, p)
			}
			if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && a.header.Get("Location") == "" && a.body != "" && a.header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
				t.Errorf("%s %s: a page without Cross-Origin-Opener-Policy", e.method, e.pattern)
			}
		}
		if asked < 25 {
			t.Errorf("%d endpoints were asked", asked)
		}
	}
}
