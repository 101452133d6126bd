package server

import (
	"net/http"
	"testing"
)

// asked is a request with these header lines: name, value, name, value …
func asked(lines ...string) *http.Request {
	r := &http.Request{Method: "GET", Header: http.Header{}}
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	return r
}

// TestWhoPrefersJSON is the table of section 0.1 of the contract for sessions, and of P1 and P2 in 1.2 of that for flows.
func TestWhoPrefersJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"application/json":                          true,
		"application/json;q=0.1":                    true,
		"application/json, text/plain, */*":         true,
		"application/json, */*;q=0.9":               true,
		"*/*, application/json":                     true,
		"application/*":                             true,
		"application/*, */*;q=0.8":                  true,
		"text/html;q=0.5, application/json":         true,
		"text/html;q=0, */*":                        true,
		"application/json; charset=utf-8":           true, // W30
		"APPLICATION/JSON":                          true, // W30
		"application/json;q=1.0;ext=1":              true,
		"":                                          false,
		"*/*":                                       false,
		"text/html":                                 false,
		"text/*":                                    false,
		"text/plain":                                false,
		"image/png":                                 false,
		"text/html, application/json":               false,
		"application/json, text/html":               false,
		"application/*, text/*":                     false,
		"application/json;q=0.9, */*":               false,
		"application/json;q=0.9, text/html":         false,
		"application/problem+json":                  false,
		"application/vnd.api+json":                  false,
		"application/json;q=0":                      false,
		"application/json;q=0, */*":                 false,
		"application/json;q=2":                      false,
		"application/json;q=x":                      false,
		"application/json;q=NaN":                    false,
		"application/jsonx":                         false,
		"json":                                      false,
		",,;q=1,/":                                  false,
		"text/html,application/xhtml+xml,*/*;q=0.8": false,
	} {
		r := asked("Accept", accept)
		if wantsJSON(r) != want || sendsJSON(r) != want || isAJAX(r) != want {
			t.Errorf("Accept %q: %v, %v, %v", accept, wantsJSON(r), sendsJSON(r), isAJAX(r))
		}
	}
	if wantsJSON(asked()) || !wantsJSON(asked("Accept", "text/plain", "Accept", "application/json")) {
		t.Error("no line, or two of them")
	}
}

func TestASubmissionInJSONIsOneOfAScript(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true,
		"application/x-www-form-urlencoded": false, "text/plain": false, "application/problem+json": false, "application/json, x": false, "": false,
	} {
		r := asked("Content-Type", kind, "Accept", "text/html")
		if sendsJSON(r) != want || isAJAX(r) != want || wantsJSON(r) {
			t.Errorf("Content-Type %q: %v, %v, %v", kind, sendsJSON(r), isAJAX(r), wantsJSON(r))
		}
	}
}

// TestABareFetchIsAScript is D8: it says nothing about what it wants, so its Sec-Fetch headers do.
func TestABareFetchIsAScript(t *testing.T) {
	for _, c := range []struct {
		mode, dest, site, accept string
		want                     bool
	}{
		{"cors", "empty", "same-origin", "*/*", true},
		{"same-origin", "empty", "same-origin", "*/*", true},
		{"no-cors", "empty", "cross-site", "", true},
		{"cors", "", "", "*/*", true}, // a server's own fetch
		{"cors", "empty", "same-site", "text/*", true},
		{"cors", "empty", "same-origin", "text/html", false},
		{"cors", "empty", "same-origin", "text/html, */*", false},
		{"cors", "", "same-origin", "*/*", false},
		{"navigate", "document", "none", "*/*", false},
		{"navigate", "empty", "none", "*/*", false},
		{"no-cors", "image", "cross-site", "*/*", false},
		{"websocket", "empty", "same-origin", "*/*", false},
		{"", "empty", "", "*/*", false},
	} {
		r := asked("Sec-Fetch-Mode", c.mode, "Sec-Fetch-Dest", c.dest, "Accept", c.accept)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.dest == "" {
			r.Header.Del("Sec-Fetch-Dest")
		}
		if isAJAX(r) != c.want || wantsJSON(r) {
			t.Errorf("%+v: %v", c, isAJAX(r))
		}
	}
}

func TestTokensInAddressesAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"x=ory_st_AAAA": true, "ory_sc_9": true, "ory_lo_a": true, "ory_lo_-a": true, "ory_lo__a": true,
		"x=ory%5Fst%5FAAAA": true, "ory%255Fst%255FAAAA": true, "ory%25255Flo%25255F-": true,
		"": false, "ory_st_": false, "ory_st": false, "history_stable": false, "x=%zz": false, "x=%41": false,
	} {
		if holdsToken(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
