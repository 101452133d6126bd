package server

import (
	"net/http"
	"slices"
	"testing"
)

func FuzzCookieValues(f *testing.F) {
	for _, seed := range []string{"", "a=b", "s=1; t=2;s=3", ` s = "x" ;s=a b`, `s="`, "s", "s=;;s=a\\b", "S=1;\ts=2\t", "s=a=b", `s="a"b"`, "s=\x7f;s=\xff"} {
		f.Add(seed, "s=last")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		r := &http.Request{Header: http.Header{"Cookie": {one, two}}}
		var want []string
		for _, c := range r.CookiesNamed("s") {
			want = append(want, c.Value)
		}
		if got := slices.Collect(cookieValues(r, "s")); !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, want %q", one, two, got, want)
		}
	})
}

func TestNoMoreCookiesAreLookedAtThanAreAskedFor(t *testing.T) {
	r := &http.Request{Header: http.Header{"Cookie": {"s=1; s=2", "s=3"}}}
	for got := range cookieValues(r, "s") {
		if got != "1" {
			t.Errorf("%q is not the first", got)
		}
		break
	}
}
