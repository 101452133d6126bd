package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

var trusting = &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

func FuzzDevice(f *testing.F) {
	f.Add("203.0.113.9", "browser/1", "10.0.0.1:443")
	f.Add("6.6.6.6, bogus, [2001:db8::9%eth0]:80, 10.1.1.1", "\xff\x00\t\u202e", "[::1]:1")
	f.Add(",,,", strings.Repeat("ä", 600), "@")
	f.Fuzz(func(t *testing.T, forwarded, agent, remote string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}, "X-Real-Ip": {forwarded}, "User-Agent": {agent}, "Cf-Ipcity": {agent}}}
		d := trusting.device(r)
		if d.IP != "" {
			if a, err := netip.ParseAddr(d.IP); err != nil || a.Zone() != "" || a.String() != d.IP {
				t.Errorf("address %q", d.IP)
			}
		}
		if len(d.UserAgent) > maxUserAgent || !utf8.ValidString(d.UserAgent) || strings.ContainsAny(d.UserAgent, "\x00\t\r\n\x7f") {
			t.Errorf("user agent %q", d.UserAgent)
		}
		if peer := peerAddress(remote); !trusting.trusted(peer) && (d.Location != "" || peer.IsValid() && d.IP != peer.String()) {
			t.Errorf("%q is believed: %q, %q", remote, d.IP, d.Location)
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("a\x00\xff\u00e4", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit &= 1023
		got := clean(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || clean(got, limit) != got {
			t.Errorf("clean(%q, %d) = %q", s, limit, got)
		}
		if short := shorten(s); !utf8.ValidString(short) || len(short) > 84 {
			t.Errorf("shorten(%q) = %q", s, short)
		}
	})
}

func TestPageTokens(t *testing.T) {
	old, rotated := &Server{Keys: [][]byte{[]byte("one")}}, &Server{Keys: [][]byte{[]byte("two"), []byte("one")}}
	want := cursor{Created: 1234567890123456, ID: "4be85580-b3cd-4be2-8aa7-c2cb012028de"}
	token := old.seal("sessions", want)
	for name, c := range map[string]struct {
		server *Server
		list   string
		ok     bool
	}{"its own list": {old, "sessions", true}, "after a rotation": {rotated, "sessions", true}, "another list": {old, "identities", false}, "another key": {&Server{Keys: [][]byte{[]byte("three")}}, "sessions", false}} {
		var got cursor
		if err := c.server.openCursor(c.list, token, &got); (err == nil) != c.ok || c.ok && got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		var got cursor
		if old.openCursor("sessions", string(changed), &got) == nil && string(changed) != token && got != want {
			t.Errorf("changed at %d and accepted", i)
		}
	}
}

func FuzzPageToken(f *testing.F) {
	s := &Server{Keys: [][]byte{[]byte("key")}}
	f.Add(s.seal("sessions", cursor{Created: 1, ID: "x"}))
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		var got cursor
		if s.openCursor("sessions", token, &got) == nil && got != (cursor{Created: 1, ID: "x"}) {
			t.Errorf("%q was never given out", token)
		}
	})
}

func TestReadPage(t *testing.T) {
	s := &Server{Keys: [][]byte{[]byte("key")}}
	for query, want := range map[string]page{
		"": {size: 250}, "page_size=7": {size: 7}, "page_size=0": {size: 250}, "page_size=-3": {size: 250}, "page_size=9999": {size: 500}, "per_page=3": {size: 3},
		"page=2&per_page=3": {size: 3, number: 2, numbered: true, offset: 6}, "page=-1": {size: 250, numbered: true}, "page=2&page_size=3": {size: 3}, "page_token=&page=1": {size: 250},
	} {
		got, err := s.readPage(httptest.NewRequest("GET", "/?"+query, nil), identityPages)
		want.paging = identityPages
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", query, got, err)
		}
	}
	for _, query := range []string{"page_size=x", "page_size=1e3", "page=x", "page=1001&per_page=1", "page_token=x", "page=99999999999999999999"} {
		if _, err := s.readPage(httptest.NewRequest("GET", "/?"+query, nil), identityPages); err == nil {
			t.Errorf("%s is accepted", query)
		}
	}
}

func TestLocalHost(t *testing.T) {
	s := &Server{AdminBase: "https://admin.example:4434/"}
	for host, ok := range map[string]bool{
		"": true, "localhost": true, "LOCALHOST:1": true, "127.0.0.1": true, "127.9.9.9:4434": true, "[::1]": true, "[::1]:4434": true, "admin.example": true, "ADMIN.example:1": true,
		"evil.example": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "10.0.0.1": false, "0.0.0.0": false, "admin.example.evil.example": false, "[2001:db8::1]": false, "2130706433": false,
	} {
		if s.localHost(host) != ok {
			t.Errorf("%q: %v", host, !ok)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add("a=b&c.d=e")
	f.Add("a=1&a=2")
	f.Add("%zz=%00;&\xff")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		values, err := readForm(httptest.NewRecorder(), r)
		if err != nil {
			return
		}
		for name, v := range values {
			text, ok := v.(string)
			if !ok || !utf8.ValidString(name+text) || strings.ContainsRune(name+text, 0) {
				t.Errorf("%q: %q = %q", body, name, text)
			}
		}
		if parsed, err := url.ParseQuery(body); err != nil || len(parsed) != len(values) {
			t.Errorf("%q: %v", body, values)
		}
	})
}
