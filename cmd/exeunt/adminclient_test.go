package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// The name leads here, and is no loopback address by itself: what matters is what the operator wrote.
func TestAKeyTravelsToOtherMachinesOverHTTPSAlone(t *testing.T) {
	t.Setenv(keyVariable, "ory_pat_secret")
	var keys []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { keys = append(keys, r.Header.Get("Authorization")) }))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	asked := func(address string) error {
		c := newAdminClient(address)
		c.client.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(s.URL) }}
		return c.call(t.Context(), "GET", "/admin/version", nil, nil)
	}
	if err := asked("http://exeunt.example:" + port); err == nil || !strings.Contains(err.Error(), "https") || strings.Contains(err.Error(), "secret") || len(keys) > 0 {
		t.Errorf("%v; sent %q", err, keys)
	}
	t.Setenv(plainVariable, "yes")
	if err := asked("http://exeunt.example:" + port); err != nil || len(keys) != 1 {
		t.Errorf("with leave: %v; sent %q", err, keys)
	}
	t.Setenv(plainVariable, "")
	if err := newAdminClient(s.URL).call(t.Context(), "GET", "/admin/version", nil, nil); err != nil || len(keys) != 2 {
		t.Errorf("to this machine: %v; sent %q", err, keys)
	}
}
