package main

import (
	"net/url"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

const oracle = `
selfservice:
  default_browser_return_url: http://127.0.0.1:4455/
  allowed_return_urls: [http://127.0.0.1:4455]
  flows: {logout: {after: {default_browser_return_url: http://127.0.0.1:4455/login}}}
`

func TestContractReturnPrecedence(t *testing.T) {
	t.Parallel()
	const one, two, after = "http://127.0.0.1:4455/one", "http://127.0.0.1:4455/two", "http://127.0.0.1:4455/login"
	for _, c := range []struct{ name, begun, appended, want string }{
		{"that of init, which is in the address", one, "", one},
		{"one that is appended goes over it (D6)", one, "&return_to=" + two, two},
		{"of several the last (D6)", "", "&return_to=" + one + "&return_to=" + two, two},
		{"an empty one that is appended leaves that of init, which the token keeps (D5)", one, "&return_to=", one},
		{"the default", "", "", after},
		{"the default for an empty one", "", "&return_to=", after},
	} {
		contract(t, oracle, []row{{"sessions 2.1: " + c.name, func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("?return_to=" + c.begun)
			if to := b.page(address+c.appended).to(t, 303); to != c.want {
				t.Errorf("led to %s", to)
			}
		}}})
	}
	contract(t, oracle, []row{
		{"sessions 2.1, D5: a client that submits the token alone gets back what init was given", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("?return_to=" + one)
			if to := b.page("/self-service/logout?token="+token).to(t, 303); to != one {
				t.Errorf("led to %s", to)
			}
		}},
		{"sessions 2.1: a client that builds the address anew with another one gets that", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("?return_to=" + one)
			if to := b.page("/self-service/logout?return_to="+two+"&token="+token).to(t, 303); to != two {
				t.Errorf("led to %s", to)
			}
		}},
		{"sessions 2.1: a form may say so too", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("?return_to=" + one)
			if to := b.post("/self-service/logout", url.Values{"token": {token}, "return_to": {two}}).to(t, 303); to != two {
				t.Errorf("led to %s", to)
			}
		}},
		{"sessions 2.1, D7: a script is led nowhere, and what is forbidden stays forbidden", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("?return_to=" + one)
			b.ask(address+"&return_to=https://evil.example/").refused(t, 400, "self_service_flow_return_to_forbidden")
			if a := b.ask(address).expect(t, 204); a.header.Get("Location") != "" {
				t.Error(a.header)
			}
		}},
	})
	for _, c := range []struct{ name, extra, want string }{
		{"without one for logout, the general default", "selfservice: {default_browser_return_url: 'https://app.example/x'}\n", "https://app.example/x"},
		{"without any, the built-in page", "", "/ui/signed-out"},
	} {
		contract(t, c.extra, []row{{"sessions 2.1: " + c.name, func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			if to := b.page(address).to(t, 303); strings.TrimPrefix(to, in.public) != c.want {
				t.Errorf("led to %s", to)
			}
		}}})
	}
}

// TestReturnAddressesOfOtherTimes restarts a server with another allow-list.
func TestReturnAddressesOfOtherTimes(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run("sessions D5: what is no longer allowed counts as not said, on "+engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			before := start(t, dsn, oracle)
			b, _ := before.visitor()
			cookie := b.cookie()
			_, token := b.leaving("?return_to=/one")
			if err := before.stop(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, "selfservice: {default_browser_return_url: 'https://app.example/x'}\n")
			if to := in.call("GET", in.public+"/self-service/logout?token="+token, nil, "Accept", asPage, "Cookie", carrying(cookie)).to(t, 303); to != "https://app.example/x" {
				t.Errorf("led to %s", to)
			}
			in.gone(cookie)
		})
	}
}

const (
	returnForbidden = "self_service_flow_return_to_forbidden"
	returnMalformed = "return_to_malformed"
)

// returnProbes is section 2.3: what is sent, and where that leads, or how it is refused.
var returnProbes = map[string]string{
	"http://127.0.0.1:4455":               "http://127.0.0.1:4455",
	"http://127.0.0.1:4455/":              "http://127.0.0.1:4455/",
	"http://127.0.0.1:4455?a=b":           "http://127.0.0.1:4455?a=b",
	"http://127.0.0.1:4455/#frag":         "http://127.0.0.1:4455/#frag",
	"http://127.0.0.1:4455/x/../y":        "http://127.0.0.1:4455/y",
	"http://127.0.0.1:4455/a b":           "http://127.0.0.1:4455/a%20b",
	"HTTP://127.0.0.1:4455/x":             "http://127.0.0.1:4455/x",
	"/":                                   "http://127.0.0.1:4455/",
	"/foo":                                "http://127.0.0.1:4455/foo",
	"?a=b":                                "http://127.0.0.1:4455?a=b",
	"#frag":                               "http://127.0.0.1:4455#frag",
	"/foo?return_to=http://evil.com":      "http://127.0.0.1:4455/foo?return_to=http://evil.com",
	"//127.0.0.1:4455/x":                  "http://127.0.0.1:4455/x",
	"/%2f%2fevil.com":                     "http://127.0.0.1:4455/%2f%2fevil.com",
	"https://127.0.0.1:4455/":             returnForbidden,
	"http://127.0.0.1/":                   returnForbidden,
	"http://127.0.0.1:80/":                returnForbidden,
	"http://127.0.0.1:4456/":              returnForbidden,
	"http://localhost:4455/":              returnForbidden,
	"http://[::1]:4455/":                  returnForbidden,
	"http://0x7f.1:4455/":                 returnMalformed,
	"http://１２７.0.0.1:4455/":              returnMalformed,
	"http://127。0.0.1:4455/":              returnMalformed,
	"http://":                             returnMalformed,
	"foo":                                 returnForbidden,
	"../x":                                returnForbidden,
	".":                                   returnForbidden,
	"..":                                  returnForbidden,
	"@evil.com":                           returnForbidden,
	"//evil.com":                          returnForbidden,
	"//evil.com/":                         returnForbidden,
	"///evil.com":                         returnForbidden,
	"////evil.com":                        returnForbidden,
	`/\evil.com`:                          returnMalformed,
	"/%5cevil.com":                        returnMalformed,
	`\\evil.com`:                          returnMalformed,
	"http://127.0.0.1:4455@evil.com/":     returnMalformed,
	"http://127.0.0.1:4455%2f@evil.com/":  returnMalformed,
	"http://evil.com#@127.0.0.1:4455/":    returnForbidden,
	"http://evil.com?@127.0.0.1:4455/":    returnForbidden,
	"http://evil.com@127.0.0.1:4455/":     returnMalformed,
	"http://u:p@127.0.0.1:4455/":          returnMalformed,
	`http://127.0.0.1:4455\@evil.com/`:    returnMalformed,
	"http://127.0.0.1:4455.evil.com/":     returnMalformed,
	"http://127.0.0.1:4455%00.evil.com/":  returnMalformed,
	"http://127.0.0.1:4455:80/":           returnMalformed,
	"http://127.0.0.1:4455/\r\nX-Evil: 1": returnMalformed,
	"/x\r\nSet-Cookie: a=b":               returnMalformed,
	"/%0d%0aX-Evil:1":                     "http://127.0.0.1:4455/%0d%0aX-Evil:1", // a path, and no header
	"/\x00":                               returnMalformed,
	"/\t/evil.com":                        returnMalformed,
	" /x":                                 returnMalformed,
	":@evil.com":                          returnMalformed,
	"%zz":                                 returnMalformed,
	"javascript:alert(1)":                 returnMalformed,
	"data:text/html,x":                    returnMalformed,
	"mailto:a@b":                          returnMalformed,
	"https:evil.com":                      returnMalformed,
	"http:evil.com":                       returnMalformed, // W2
	`http:\\evil.com`:                     returnMalformed, // W2
	`https:\\evil.com`:                    returnMalformed,
	"P/self-service":                      "P/self-service",
	"P/self-service/login/browser?x":      "P/self-service/login/browser?x",
	"P/self-serviceX":                     returnForbidden,
	"P/self-service/../admin":             returnForbidden,
	"P/self-service/%2e%2e/admin":         returnForbidden,
	"P/":                                  returnForbidden,
	"P/sessions/whoami":                   returnForbidden,
	"/" + strings.Repeat("x", 3000):       returnMalformed,
}

func TestContractReturnProbes(t *testing.T) {
	t.Parallel()
	var rows []row
	for probe, want := range returnProbes {
		rows = append(rows, row{"sessions 2.3: " + url.QueryEscape(probe[:min(len(probe), 60)]), func(t *testing.T, in *instance) {
			in.probe(strings.Replace(probe, "P/", in.public+"/", 1), strings.Replace(want, "P/", in.public+"/", 1))
		}})
	}
	contract(t, oracle, rows)
}

// probe sends a return address through every place that takes one, and follows it with the real redirects.
func (in *instance) probe(address, want string) {
	in.t.Helper()
	t, query := in.t, "?return_to="+url.QueryEscape(address)
	ok := strings.Contains(want, ":")
	b, p := in.visitor()
	plain, _ := b.leaving("")
	visits := map[string]answer{
		"logout init": b.page("/self-service/logout/browser" + query), "asking first": b.page("/self-service/logout" + query),
		"the page that asks": in.call("GET", in.public+"/ui/logout"+query, nil, "Accept", asPage),
		"login, signed in":   b.page("/self-service/login/browser" + query), "registration, signed in": b.page("/self-service/registration/browser" + query),
		"login, not signed in": in.call("GET", in.public+"/self-service/login/browser"+query, nil, "Accept", asPage),
	}
	if !ok {
		visits["logout"] = b.page(plain + "&" + query[1:])
		for name, a := range visits {
			if a.header["X-Evil"] != nil || strings.Contains("\n"+strings.Join(a.header["Set-Cookie"], "\n"), "\na=b") {
				t.Errorf("%s: a header was smuggled in", name)
			}
			if a.status != 303 {
				t.Errorf("%s: %d %s", name, a.status, cut(a.body))
				continue
			}
			in.shown(a, want)
		}
		b.ask("/self-service/logout/browser"+query).refused(t, 400, want)
		b.ask(plain+"&"+query[1:]).refused(t, 400, want)
		in.begin("registration", query).refused(t, 400, want)
		b.ask("/sessions/whoami").expect(t, 200)
		return
	}
	for _, name := range []string{"the page that asks", "login, signed in", "registration, signed in"} {
		if to := visits[name].to(t, 303); to != want {
			t.Errorf("%s led to %s, want %s", name, to, want)
		}
	}
	in.begin("login", query).expect(t, 200).is(t, "return_to", want)
	address, _ = b.leaving(query)
	if to := b.page(address).to(t, 303); to != want {
		t.Errorf("logout led to %s, want %s", to, want)
	}
	f := b.ask("/self-service/login/browser"+query).expect(t, 200)
	form := url.Values{"method": {"password"}, "identifier": {p.email}, "password": {passphrase}, "csrf_token": {f.csrf(t)}}
	if to := b.post(in.act(f), form).to(t, 303); to != want {
		t.Errorf("login led to %s, want %s", to, want)
	}
}

// TestContractAllowLists is the second table of 2.3. The rules are tested in the package flow; here one of each sort is
// followed to its end.
func TestContractAllowLists(t *testing.T) {
	t.Parallel()
	lists := `
selfservice:
  default_browser_return_url: https://app.example.com/home
  allowed_return_urls: ["https://app.example.com/area", "https://dir.example.com/dir/", "https://*.wild.example.com", "https://*.wildp.example.com:8443/p", "https://UPPER.example.com",
    "https://q.example.com/?a=1", "https://p443.example.com:443", "http://[::1]:4455", "exp://192.168.0.1:8081", "myapp2://callback", "myapp://", "com.example.app:/oauth"]
`
	var rows []row
	for probe, want := range map[string]string{
		"https://app.example.com/area":           "",
		"https://app.example.com/area/x":         "",
		"/area/x?y#z":                            "https://app.example.com/area/x?y#z",
		"https://APP.example.com/area":           "https://app.example.com/area",
		"https://app.example.com/areaX":          returnForbidden, // W34
		"https://app.example.com/area/../other":  returnForbidden, // W34
		"https://app.example.com/area/%2e%2e/x":  returnForbidden,
		"https://app.example.com/AREA":           returnForbidden,
		"https://app.example.com/home":           returnForbidden, // the default itself
		"https://app.example.com:443/area":       returnForbidden,
		"https://dir.example.com/dir/x":          "",
		"https://dir.example.com/dir":            returnForbidden,
		"https://a.b.wild.example.com/":          "",
		"https://A.WILD.example.com/":            "https://a.wild.example.com/",
		"https://wild.example.com/":              returnForbidden,
		"https://evilwild.example.com/":          returnForbidden,
		"https://.wild.example.com/":             returnForbidden,
		"https://evil.com/.wild.example.com":     returnForbidden,
		"https://evil.com#.wild.example.com":     returnForbidden,
		"https://evil.com%2f.wild.example.com":   returnMalformed,
		`https://evil.com\.wild.example.com`:     returnMalformed,
		"https://u@evil.com@a.wild.example.com/": returnMalformed,
		"https://a.wildp.example.com:8443/p":     "",
		"https://a.wildp.example.com/p":          returnForbidden,
		"https://upper.example.com/":             "",
		"https://q.example.com/?b=2":             "",
		"https://p443.example.com:443/":          "",
		"https://p443.example.com/":              returnForbidden,
		"http://[::1]:4455/x":                    "",
		"exp://192.168.0.1:8081/--/x":            "",
		"exp://192.168.0.2:8081/":                returnForbidden,
		"myapp2://callback?x=1":                  "",
		"myapp2://callbackx":                     returnForbidden,
		"myapp://":                               "", // W33
		"myapp://anything/at/all":                "",
		"myapp:opaque":                           returnMalformed,
		"com.example.app:/oauth/x":               "",
		"com.example.app:/oauthx":                returnForbidden,
	} {
		if want == "" {
			want = probe
		}
		rows = append(rows, row{"sessions 2.3, allow-lists: " + url.QueryEscape(probe), func(t *testing.T, in *instance) { in.probe(probe, want) }})
	}
	contract(t, lists, rows)
	contract(t, "", []row{
		{"sessions 2.3: without a list only the flows' own addresses are allowed", func(t *testing.T, in *instance) {
			in.probe(in.public+"/self-service/login/browser", in.public+"/self-service/login/browser")
			in.probe(in.public+"/ui/", returnForbidden)
			in.probe("/", returnForbidden)
		}},
	})
}
