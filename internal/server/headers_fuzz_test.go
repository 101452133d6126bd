package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever is asked for, asking for more never costs a page its place, and the result does not depend on the lines that the
// header is spread over.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{"", "*/*", "application/json", "text/html;q=0.5, application/json;q=NaN", "application/*;q=1e400,text/*", ",;=,\xff/*", `a/b;q="1`} {
		f.Add(seed, "text/html")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		together, apart := asked("Accept", one+","+two), asked("Accept", one, "Accept", two)
		if wantsJSON(together) != wantsJSON(apart) {
			t.Errorf("%q and %q are read otherwise on two lines", one, two)
		}
		if w := weigh(together.Header["Accept"], "text", "html"); !(w.q >= 0 && w.q <= 1) || w.specific < 0 || w.specific > 3 {
			t.Errorf("%q: %+v", one, w)
		}
		if wantsJSON(asked("Accept", "text/html")) || !wantsJSON(asked("Accept", "application/json")) {
			t.Error("what was asked before is remembered")
		}
	})
}

func FuzzCSRFToken(f *testing.F) {
	secret := csrfSecret{1, 2, 3}
	f.Add(secret.mask())
	f.Add(csrfSecret{1, 2, 4}.mask())
	f.Add(strings.Repeat("A", 88))
	f.Add("A\r\n=")
	f.Fuzz(func(t *testing.T, token string) {
		if (csrfSecret{9}).matches(token) && secret.matches(token) {
			t.Errorf("%q is the token of two browsers", token)
		}
		r := asked("Cookie", "csrf="+token)
		for _, c := range (&Server{csrfCookie: "csrf"}).csrfSecrets(r) {
			if !c.matches(c.mask()) {
				t.Errorf("%q: its own token does not match", token)
			}
		}
	})
}

func FuzzReadPage(f *testing.F) {
	s := &Server{Keys: [][]byte{[]byte("key")}}
	f.Add("page_size=7&page_token=x")
	f.Add("page=2&per_page=99999999999999999999")
	f.Add("page=-9223372036854775808&page_size=%zz")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		p, err := s.readPage(r, identityPages)
		if err == nil && (p.size < 1 || p.size > 500 || p.offset < 0) {
			t.Errorf("%q: %+v", query, p)
		}
	})
}

// Only names of this machine reach the admin API, and only pages of ours act for somebody.
func FuzzHostAndOrigin(f *testing.F) {
	f.Add("localhost:4434", "https://evil.example")
	f.Add("[::1]:1", "null")
	f.Add("127.0.0.1.evil.example", "https://127.0.0.1:4433@evil.example")
	f.Add("[127.0.0.1]:", "HTTPS://ID.example\x00")
	f.Fuzz(func(t *testing.T, host, origin string) {
		if (&Server{AdminBase: "https://admin.example/"}).localHost(host) {
			address := host
			if name, _, err := net.SplitHostPort(host); err == nil { // a port may be any text
				address = name
			}
			address, _, _ = strings.Cut(strings.Trim(address, "[]"), "%") // and a zone
			name := strings.Trim(strings.ToLower(address), "[]:0123456789.")
			if name != "" && name != "localhost" && name != "admin.example" && name != "ffff" { // the last in an address
				t.Errorf("%q is let in", host)
			}
		}
		s := &Server{origins: map[string]bool{"https://id.example": true}}
		r := &http.Request{Host: "id.example", Header: http.Header{"Origin": {origin}}}
		if s.fromOwnSite(r) && origin != "" {
			if u, err := url.Parse(strings.ToLower(origin)); err != nil || u.Host != "id.example" {
				t.Errorf("%q is taken for ours", origin)
			}
		}
	})
}
