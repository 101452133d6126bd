package main

import (
	"net/url"
	"strings"
	"testing"
)

// link is the query of the address with a relation, or nil.
func (a answer) link(t *testing.T, rel string) url.Values {
	t.Helper()
	for _, part := range strings.Split(a.header.Get("Link"), ",") {
		address, ok := strings.CutSuffix(part, `>; rel="`+rel+`"`)
		if !ok {
			continue
		}
		u, err := url.Parse(strings.TrimPrefix(address, "<"))
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	return nil
}

func TestContractPages(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions 4.1, identities 12: a size below one is one", func(t *testing.T, in *instance) {
			p := in.person()
			in.login(p.email)
			in.login(p.email)
			for _, size := range []string{"page_size=0", "page_size=-3", "per_page=0", "page=0&per_page=-1"} {
				for _, path := range []string{in.public + "/sessions", in.admin + "/admin/identities/" + p.id + "/sessions", in.public + "/schemas"} {
					a := in.call("GET", path+"?"+size, nil, as(p.token)...).expect(t, 200)
					if first := a.link(t, "first"); first.Get("page_size") != "1" && first.Get("per_page") != "1" || len(a.list(t)) != 1 {
						t.Errorf("%s?%s: %s", path, size, a.header.Get("Link"))
					}
				}
			}
			for _, path := range []string{"/admin/sessions", "/admin/identities"} { // as they say for themselves
				if got := in.call("GET", in.admin+path+"?page_size=0", nil).expect(t, 200).link(t, "first").Get("page_size"); got != "250" {
					t.Errorf("%s: %s", path, got)
				}
			}
		}},
		{"sessions 4.1, identities 3: no page after the last is linked to", func(t *testing.T, in *instance) {
			p := in.person()
			in.login(p.email)
			in.login(p.email)
			for path, last := range map[string]string{
				in.public + "/sessions?per_page=1&page=9":                                 "2",
				in.admin + "/admin/identities/" + p.id + "/sessions?per_page=2&page=9":    "2",
				in.admin + "/admin/identities?ids=" + p.id + "&per_page=1&page=9":         "0",
				in.public + "/schemas?per_page=1&page=9":                                  "0",
				in.admin + "/admin/identities?credentials_identifier=nobody@x.org&page=4": "0",
			} {
				a := in.call("GET", path, nil, as(p.token)...).expect(t, 200)
				if len(a.list(t)) != 0 || a.link(t, "prev").Get("page") != last || a.link(t, "last").Get("page") != last || a.link(t, "next") != nil {
					t.Errorf("%s: %s", path, a.header.Get("Link"))
				}
			}
			two := in.call("GET", in.public+"/sessions?per_page=1&page=2", nil, as(p.token)...).expect(t, 200)
			if two.link(t, "prev").Get("page") != "1" || len(two.list(t)) != 1 {
				t.Error(two.header.Get("Link"))
			}
		}},
	})
}
