package server

import (
	"net/http"
	"testing"
)

// Browsers that say no Sec-Fetch-Site are judged by Origin alone.
func TestAPageThatCameInTheClearIsNoneOfOurs(t *testing.T) {
	for _, c := range []struct {
		origin    string
		encrypted bool
		own       bool
	}{
		{"https://id.example", true, true}, {"http://id.example", true, false}, {"https://other.example", true, false}, {"null", true, false}, {"", true, true},
		{"http://id.example", false, true}, {"https://id.example", false, true}, {"http://other.example", false, false},
	} {
		s := &Server{strictTransport: c.encrypted}
		r := &http.Request{Host: "id.example", Header: http.Header{}}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if own := s.fromOwnSite(r); own != c.own {
			t.Errorf("%q is ours: %v, where browsers come by https: %v", c.origin, own, c.encrypted)
		}
	}
}
