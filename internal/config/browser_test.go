package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheSessionCookieFollowsTheOthers(t *testing.T) {
	c := loaded(t, `
serve: {public: {base_url: https://auth.example.com/kratos/}}
cookies: {domain: .Example.com, path: /kratos, same_site: Strict, secure: "false"}
session: {cookie: {name: sid, persistent: false, previous_names: [ory_kratos_session, old]}}
`)
	want := SessionCookie{Cookies: Cookies{Domain: "example.com", Path: "/kratos", SameSite: "Strict", Secure: true},
		Name: "sid", PreviousNames: []string{"ory_kratos_session", "old"}}
	if diff := cmp.Diff(want, c.Session.Cookie); diff != "" {
		t.Error(diff)
	}
	if c.Cookies.Secure || c.Cookies.Domain != "example.com" {
		t.Errorf("got %+v", c.Cookies)
	}
	c = loaded(t, `
serve: {public: {base_url: https://auth.example.com/}}
cookies: {domain: example.com}
session: {cookie: {domain: auth.example.com, path: /, same_site: None, secure: "true"}}
`)
	if diff := cmp.Diff(Cookies{Domain: "auth.example.com", Path: "/", SameSite: "None", Secure: true}, c.Session.Cookie.Cookies); diff != "" {
		t.Error(diff)
	}
}

func TestCookiesAreSecureUnlessTheyStayOnTheMachine(t *testing.T) {
	for name, c := range map[string]struct {
		text           string
		secure, notice bool
	}{
		"without anything":                           {"", false, false},
		"https":                                      {"serve: {public: {base_url: 'https://x.example/'}}", true, false},
		"http elsewhere":                             {"serve: {public: {base_url: 'http://x.example/'}}", true, true},
		"http elsewhere, for developers":             {"dev: true\nserve: {public: {base_url: 'http://x.example/'}}", false, false},
		"https, for developers":                      {"dev: true\nserve: {public: {base_url: 'https://x.example/'}}", false, false},
		"http on loopback":                           {"serve: {public: {host: 0.0.0.0, base_url: 'http://127.1.2.3:4433/'}}", false, false},
		"http on loopback by name":                   {"serve: {public: {base_url: 'http://localhost/'}}", false, false},
		"http on loopback, IPv6":                     {"serve: {public: {base_url: 'http://[::1]:4433/'}}", false, false},
		"https on loopback":                          {"serve: {public: {base_url: 'https://localhost/'}}", true, false},
		"all addresses and no base URL":              {"serve: {public: {host: 0.0.0.0}}", true, true},
		"a free port on loopback":                    {"serve: {public: {port: 0}}", false, false},
		"a free port on all addresses":               {"serve: {public: {port: 0, host: '::'}}", true, true},
		"asked for on loopback":                      {"cookies: {secure: true}\nsession: {cookie: {secure: true}}", true, false},
		"asked for elsewhere, for developers":        {"dev: true\ncookies: {secure: true}\nsession: {cookie: {secure: true}}\nserve: {public: {base_url: 'http://x.example/'}}", true, true},
		"not asked for":                              {"cookies: {secure: false}\nsession: {cookie: {secure: false}}\nserve: {public: {base_url: 'https://x.example/'}}", false, false},
		"a host that only looks like loopback":       {"serve: {public: {base_url: 'http://localhost.x.example/'}}", true, true},
		"the second half of the settings, as a text": {"cookies: {secure: \"true\"}\nsession: {cookie: {secure: 'true'}}", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := loaded(t, c.text)
			noticed := strings.Contains(strings.Join(got.Notices, "\n"), "cookies.secure and session.cookie.secure: browsers will not keep the cookie")
			if got.Cookies.Secure != c.secure || got.Session.Cookie.Secure != c.secure || noticed != c.notice {
				t.Errorf("%v and %v, notices %q", got.Cookies.Secure, got.Session.Cookie.Secure, got.Notices)
			}
		})
	}
}

func TestADomainWithNothingBelowItIsLeftOut(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c := loaded(t, "serve: {public: {base_url: 'http://"+host+":4433/'}}\ncookies: {domain: "+host+"}")
		if c.Cookies.Domain != "" || c.Session.Cookie.Domain != "" || len(c.Notices) != 1 {
			t.Errorf("%s: %+v, %q", host, c.Cookies, c.Notices)
		}
	}
	if c := loaded(t, "cookies: {domain: ''}"); c.Cookies.Domain != "" || len(c.Notices) != 0 {
		t.Errorf("an empty domain: %+v, %q", c.Cookies, c.Notices)
	}
}

func TestCookiesThatBrowsersWouldNotKeepAreRefused(t *testing.T) {
	const at = "serve: {public: {base_url: 'https://auth.example.com/base/'}}\n"
	for text, want := range map[string]string{
		"cookies: {domain: other.example.com}":                           `cookies.domain: browsers would not keep it: "other.example.com" is neither the host auth.example.com of the base URL nor a domain above it`,
		"cookies: {domain: x.auth.example.com}":                          "nor a domain above it",
		"cookies: {domain: ample.com}":                                   "nor a domain above it",
		"cookies: {domain: 192.0.2.1}":                                   "nor a domain above it",
		"cookies: {domain: com}":                                         `cookies.domain: "com" is everybody's domain`,
		"cookies: {domain: 'https://example.com'}":                       "is not a domain",
		"cookies: {domain: 'example.com:443'}":                           "is not a domain",
		"cookies: {domain: ..example.com}":                               "is not a domain",
		"session: {cookie: {domain: evil.com}}":                          "session.cookie.domain: browsers would not keep it",
		"cookies: {path: base}":                                          "cookies.path: \"base\" does not begin with /",
		"cookies: {path: '/base;x'}":                                     "characters that no path of a cookie can have",
		"cookies: {path: /other}":                                        `cookies.path: browsers would not send it: "/other" does not cover /base/`,
		"cookies: {path: /bas}":                                          "does not cover",
		"cookies: {path: /base/self-service}":                            "does not cover",
		"session: {cookie: {path: /other}}":                              "session.cookie.path: browsers would not send it",
		"cookies: {same_site: none}":                                     `did you mean None?`,
		"cookies: {same_site: None, secure: false}":                      "cookies.same_site: browsers drop a cookie with SameSite=None that is not secure; set cookies.secure to true",
		"session: {cookie: {same_site: None, secure: false}}":            "session.cookie.same_site: browsers drop a cookie with SameSite=None that is not secure; set session.cookie.secure to true",
		"cookies: {same_site: None}\nsession: {cookie: {secure: false}}": "session.cookie.secure: browsers drop a cookie with SameSite=None",
		"dev: true\ncookies: {same_site: None}":                          "cookies.same_site: browsers drop a cookie with SameSite=None",
		"cookies: {secure: 'yes'}":                                       "found the text \"yes\", want true or false",
		"session: {cookie: {name: 'a b'}}":                               `session.cookie.name: "a b" is not a name for a cookie`,
		"session: {cookie: {name: 'a;b'}}":                               "is not a name for a cookie",
		"session: {cookie: {name: ü}}":                                   "is not a name for a cookie",
		"session: {cookie: {name: csrf_token_x}}":                        "kept for the cookies that protect forms",
		"session: {cookie: {previous_names: [csrf_token_x]}}":            "session.cookie.previous_names[0]: names that begin with csrf_token_",
		"session: {cookie: {previous_names: [ory_kratos_session]}}":      `session.cookie.previous_names[0]: "ory_kratos_session" is the name of the session cookie now`,
		"session: {cookie: {previous_names: [a, b, a]}}":                 `session.cookie.previous_names[2]: "a" is in the list twice`,
		"session: {cookie: {name: __Secure-x, secure: false}}":           "session.cookie.name: browsers keep a cookie with this name only if it is secure; set",
		"session: {cookie: {name: __Host-x, domain: example.com}}":       "has the path / and no domain",
		"session: {cookie: {name: __host-x}}\ncookies: {path: /base}":    "has the path / and no domain",
		"dev: true\nsession: {cookie: {name: __Host-x}}":                 "has the path / and no domain",
		"cookies: {path: x, domain: 'a:b'}":                              "is not a domain", // and the other problem is told too
	} {
		if got := complaints(t, at+text); !strings.Contains(got, want) || strings.Count(got, "\n") > strings.Count(text, ", domain: 'a:b'") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
	for _, text := range []string{
		"cookies: {domain: .example.com, path: /base/}", "cookies: {path: /base}\nsession: {cookie: {path: /}}", "session: {cookie: {name: __Host-x}}", "session: {cookie: {name: __Secure-x, domain: example.com}}",
		"cookies: {same_site: None}", "cookies: {same_site: None}\nsession: {cookie: {same_site: Lax, secure: false}}",
	} {
		if got := complaints(t, at+text); got != "" {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestOriginsThatMayReadAnswers(t *testing.T) {
	c := loaded(t, "serve: {public: {cors: {enabled: true, allowed_origins: ['https://APP.example.com', 'https://*.wild.example.com:8443', 'http://127.0.0.1:4455', 'http://[::1]'], allowed_methods: [GET], max_age: 60}}}")
	want := CORS{Enabled: true, AllowedOrigins: []string{"https://app.example.com", "https://*.wild.example.com:8443", "http://127.0.0.1:4455", "http://[::1]"}, AllowedMethods: []string{"GET"},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Max-Age", "X-Session-Token", "X-Session-Activity", "X-XSRF-TOKEN", "X-CSRF-TOKEN"}, ExposedHeaders: []string{"Content-Type"}, Credentials: true, MaxAge: 60}
	if diff := cmp.Diff(want, c.Serve.Public.CORS); diff != "" {
		t.Error(diff)
	}
	if c := loaded(t, "serve: {public: {cors: {enabled: true, allowed_origins: ['*'], allow_credentials: false}}}"); !cmp.Equal(c.Serve.Public.CORS.AllowedOrigins, []string{"*"}) {
		t.Errorf("got %+v", c.Serve.Public.CORS)
	}
	c = loaded(t, "", "SERVE_PUBLIC_CORS_ENABLED=true", "SERVE_PUBLIC_CORS_ALLOWED_ORIGINS=https://a.example,https://b.example")
	if !cmp.Equal(c.Serve.Public.CORS.AllowedOrigins, []string{"https://a.example", "https://b.example"}) {
		t.Errorf("got %+v", c.Serve.Public.CORS)
	}
	if got := complaints(t, "serve: {public: {cors: {enabled: false, allowed_origins: []}}}"); got != "" {
		t.Error(got)
	}
}

func TestOriginsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "serve.public.cors.enabled: no origin is allowed yet, and there is no default; list those of your pages in serve.public.cors.allowed_origins, such as [https://app.example.com]",
		"allowed_origins: []":    "no origin is allowed yet",
		"allowed_origins: ['*']": "serve.public.cors.allowed_origins: with * every page on the web could act for whoever is signed in",
		"allowed_origins: ['*', 'https://x.example'], allow_credentials: false": "* is everybody already",
		"allowed_origins: ['null']":                                        "sandboxed",
		"allowed_origins: ['https://x.example/']":                          "write https://x.example",
		"allowed_origins: ['https://x.example?']":                          "write https://x.example",
		"allowed_origins: ['https://x.example/a']":                         "write https://x.example",
		"allowed_origins: ['https://u:do-not-print@x.example']":            "write https://x.example",
		"allowed_origins: ['https://x.example:443']":                       "leave out the usual port; write https://x.example",
		"allowed_origins: ['http://x.example:80']":                         "leave out the usual port; write http://x.example",
		"allowed_origins: ['https://x.example:0']":                         "its port is not possible",
		"allowed_origins: ['x.example']":                                   "it is not an origin",
		"allowed_origins: ['//x.example']":                                 "it is not an origin",
		"allowed_origins: ['myapp://x']":                                   "it is not an origin",
		"allowed_origins: ['https://*']":                                   "whole first label",
		"allowed_origins: ['https://*.com']":                               "everybody's domains",
		"allowed_origins: ['https://*.co.uk']":                             "everybody's domains",
		"allowed_origins: ['https://*x.example.com']":                      "whole first label",
		"allowed_origins: ['https://a.*.example.com']":                     "whole first label",
		"allowed_origins: ['http://127.1']":                                "read its host as a number",
		"allowed_origins: ['https://x.example'], allowed_methods: [get]":   `"get" is not known; write one of POST, GET`,
		"allowed_origins: ['https://x.example'], allowed_methods: [TRACE]": "browsers never send it",
		"allowed_origins: ['https://x.example'], allowed_headers: ['*']":   "serve.public.cors.allowed_headers[0]: with cookies, browsers take a * for a name",
		"allowed_origins: ['https://x.example'], exposed_headers: ['X Y']": "is not the name of a header field",
	} {
		got := complaints(t, "serve: {public: {cors: {enabled: true, "+text+"}}}")
		if !strings.Contains(got, want) || strings.Contains(got, "\n") || strings.Contains(got, "do-not-print") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestPagesThatLeadBackAreRefused(t *testing.T) {
	for page, ok := range map[string]bool{
		"/login": true, "https://x.example/login": true, "https://app.example/self-service/login": true, "https://x.example/self-service/x": true, "https://x.example/authentic/self-service/x": true,
		"/auth/self-service/login/browser": false, "https://x.example/auth/self-service/login/browser": false, "https://X.example:443/auth/self-service/login": false,
		"https://x.example/auth/./self-service/login": false, "/auth/": false, "/auth": false, "/auth/ui/": false, "/auth/ui": false,
	} {
		file := filepath.Join(t.TempDir(), "exeunt.yml")
		text := "serve: {public: {base_url: 'https://x.example/auth/'}}\nselfservice: {flows: {login: {ui_url: '" + page + "'}}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load([]string{file}, nil); (err == nil) != ok {
			t.Errorf("%s: %v", page, err)
		}
	}
}
