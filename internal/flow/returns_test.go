package flow

import (
	"errors"
	"strings"
	"testing"
)

// answers are what Allow makes of addresses: what it returns, or one of these.
type answers map[string]string

const (
	forbidden = "forbidden"
	malformed = "malformed"
	same      = "as it came"
)

// check asks Allow about each address, and about what it returned once more.
func (want answers) check(t *testing.T, rs *Returns) {
	t.Helper()
	for raw, w := range want {
		if w == same {
			w = raw
		}
		got, err := rs.Allow(raw)
		answer := got.String()
		switch {
		case errors.Is(err, ErrForbiddenReturn):
			answer += forbidden
		case errors.Is(err, ErrBadReturn):
			answer += malformed
		case err != nil:
			t.Errorf("Allow(%q): %v", raw, err)
		}
		if answer != w {
			t.Errorf("Allow(%q) = %q, want %q", raw, answer, w)
		}
		if again, err2 := rs.Allow(got.String()); err == nil && (err2 != nil || again != got) {
			t.Errorf("Allow(%q) becomes %q, then %q, %v", raw, got, again, err2)
		}
	}
}

// listed are the returns of a list, with a default on the contract's machine.
func listed(t testing.TB, allowed ...string) *Returns {
	t.Helper()
	rs, err := NewReturns("http://127.0.0.1:5433/", "http://127.0.0.1:4455/login", allowed)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestAddressesThatAreAllowed(t *testing.T) {
	answers{
		"":                                  "",
		"http://127.0.0.1:4455":             same,
		"http://127.0.0.1:4455/":            same,
		"http://127.0.0.1:4455/x/../y":      "http://127.0.0.1:4455/y",
		"http://127.0.0.1:4455?a=b":         same,
		"http://127.0.0.1:4455/?":           same,
		"http://127.0.0.1:4455/#frag":       same,
		"http://127.0.0.1:4455/a b":         "http://127.0.0.1:4455/a%20b",
		"http://127.0.0.1:4455/a?b c#d e":   "http://127.0.0.1:4455/a?b%20c#d%20e",
		"http://127.0.0.1:4455/ü?ü=ü#ü":     "http://127.0.0.1:4455/%C3%BC?%C3%BC=%C3%BC#%C3%BC",
		"http://127.0.0.1:4455/<\"^|[`{}]>": "http://127.0.0.1:4455/%3C%22%5E%7C%5B%60%7B%7D%5D%3E",
		"http://127.0.0.1:4455/?x=%zz&y=\"": "http://127.0.0.1:4455/?x=%zz&y=%22",
		"http://127.0.0.1:4455/?next=%5cx":  same,
		"http://127.0.0.1:4455/a#b#c":       "http://127.0.0.1:4455/a#b%23c",
		"http://127.0.0.1:4455/a%2Fb":       same,
		"http://127.0.0.1:4455/a//../b":     "http://127.0.0.1:4455/a/b",
		"http://127.0.0.1:4455/a/.%2E/%2e":  "http://127.0.0.1:4455/",
		"http://127.0.0.1:4455/..":          "http://127.0.0.1:4455/",
		"HTTP://127.0.0.1:4455/x":           "http://127.0.0.1:4455/x",
		"/":                                 "http://127.0.0.1:4455/",
		"/foo":                              "http://127.0.0.1:4455/foo",
		"?a=b":                              "http://127.0.0.1:4455?a=b",
		"#frag":                             "http://127.0.0.1:4455#frag",
		"/foo?return_to=http://evil.com":    "http://127.0.0.1:4455/foo?return_to=http://evil.com",
		"//127.0.0.1:4455/x":                "http://127.0.0.1:4455/x",
		"/%2f%2fevil.com":                   "http://127.0.0.1:4455/%2f%2fevil.com",
		"/.//evil.com":                      "http://127.0.0.1:4455//evil.com",
		"/x//evil.com":                      "http://127.0.0.1:4455/x//evil.com",
	}.check(t, listed(t, "http://127.0.0.1:4455"))
}

func TestAddressesOfOthersAreForbidden(t *testing.T) {
	answers{
		"https://127.0.0.1:4455/":            forbidden,
		"http://127.0.0.1/":                  forbidden,
		"http://127.0.0.1:80/":               forbidden,
		"http://127.0.0.1:4456/":             forbidden,
		"http://localhost:4455/":             forbidden,
		"http://[::1]:4455/":                 forbidden,
		"ftp://127.0.0.1:4455/":              forbidden,
		"foo":                                forbidden,
		"../x":                               forbidden,
		".":                                  forbidden,
		"..":                                 forbidden,
		"@evil.com":                          forbidden,
		"foo?x=http://127.0.0.1:4455":        forbidden,
		"//evil.com":                         forbidden,
		"//evil.com/":                        forbidden,
		"//":                                 forbidden,
		"///evil.com":                        forbidden,
		"////evil.com":                       forbidden,
		"///127.0.0.1:4455/":                 forbidden,
		"http://evil.com#@127.0.0.1:4455/":   forbidden,
		"http://evil.com?@127.0.0.1:4455/":   forbidden,
		"http://evil.com?http://127.0.0.1":   forbidden,
		"http://127.0.0.1.evil.com:4455/":    forbidden,
		"http://127.0.0.1:4455.evil.com/":    malformed, // its port is none
		"http://127.0.0.1:5433/":             forbidden,
		"http://127.0.0.1:5433/sessions":     forbidden,
		"http://localhost:5433/self-service": forbidden,
	}.check(t, listed(t, "http://127.0.0.1:4455"))
}

func TestAddressesThatReadersDisagreeOnAreMalformed(t *testing.T) {
	want := answers{}
	for _, raw := range []string{
		"http://", "http:///", "http:/foo", "http:///x", "https:///x", "http:evil.com", "https:evil.com", "http:", "ws:x", "wss:/x", "ftp:x", "file:///etc/passwd", "file://127.0.0.1:4455/",
		`http:\\evil.com`, `\\evil.com`, `/\evil.com`, "/%5cevil.com", "/%5Cevil.com", `http://127.0.0.1:4455\@evil.com/`, `/x?\`, `/x#\`,
		"http://127.0.0.1:4455@evil.com/", "http://127.0.0.1:4455%2f@evil.com/", "http://evil.com@127.0.0.1:4455/", "http://u:p@127.0.0.1:4455/", "http://@127.0.0.1:4455/",
		"http://127.0.0.1:4455%00.evil.com/", "http://127.0.0.1:4455:80/", "http://127.0.0.1:4455%2f/", "http://127.0.0.1%3a4455/", "http://%31/",
		"http://127.0.0.1:4455/\r\n", "/a\nb", "/a\tb", "/\x00", "/%00", "/\x7f", "/\u0085", " /x", "/x ", "\t/x", "/\xff", "/\uFFFD", "/%zz", "/%4", "#%zz", "%zz", "http://[::1", ":@evil.com", "1a:x",
		"javascript:alert(1)", "javascript://127.0.0.1:4455/%0aalert(1)", "JavaScript:x", "data:text/html,x", "data://x/", "vbscript:x", "blob:http://127.0.0.1:4455/x", "mailto:a@b", "about:blank",
		"http://0x7f.1:4455/", "http://127.1:4455/", "http://2130706433:4455/", "http://0177.0.0.1:4455/", "http://127.0.0.01:4455/", "http://127.0.0.1.:4455/", "http://a.0x/", "http://a.08/", "http://1.2.3.4.5/", "http://256.1.1.1/",
		"http://１２７.0.0.1:4455/", "http://127。0.0.1:4455/", "http://ⓔvil.com/", "http://127.0.0.1:4455,/", "http://a b/", "http://a*b/", "http://a|b/",
		"http://127.0.0.1:/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:04455/", "http://127.0.0.1:+80/", "http://127.0.0.1:x/", "http://:4455/", "//:4455",
		"http://[::1%25lo]:4455/", "http://[::ffff:127.0.0.1]:4455/", "http://[1]/", "http://[::1]x/", "http://[127.0.0.1]/", "http://]/",
		"/" + strings.Repeat("x", 2048), "/" + strings.Repeat(" x", 800),
	} {
		want[raw] = malformed
	}
	want.check(t, listed(t, "http://127.0.0.1:4455"))
}

func TestTheFlowsOwnAddressesAreAlwaysAllowed(t *testing.T) {
	answers{
		"http://127.0.0.1:5433/self-service":                                         same,
		"http://127.0.0.1:5433/self-service/login/browser?return_to=http://evil.com": same,
		"http://127.0.0.1:5433/self-serviceX":                                        forbidden,
		"http://127.0.0.1:5433/self-service/../admin":                                forbidden,
		"http://127.0.0.1:5433/self-service/%2e%2e/admin":                            forbidden,
		"http://127.0.0.1:4455/login":                                                forbidden, // the default itself
	}.check(t, listed(t))
	rs, err := NewReturns("https://x.example/base/path/", "", nil)
	if err != nil || rs.fallback.String() != "https://x.example/base/path/" {
		t.Fatalf("%v, %v", rs, err)
	}
	answers{
		"https://x.example/base/path/self-service/login": same,
		"/base/path/self-service":                        "https://x.example/base/path/self-service",
		"https://x.example/base/path/":                   forbidden,
		"https://x.example/self-service":                 forbidden,
	}.check(t, rs)
}

func TestPathsAreComparedBySegments(t *testing.T) {
	answers{
		"https://app.example.com/area":            same,
		"https://app.example.com/area/":           same,
		"https://app.example.com/area/x":          same,
		"https://app.example.com/area/x%20y":      same,
		"https://app.example.com/%61rea":          same,
		"https://APP.example.com/area":            "https://app.example.com/area",
		"https://app.example.com/other/../area/x": "https://app.example.com/area/x",
		"https://app.example.com/areaX":           forbidden,
		"https://app.example.com/area/../other":   forbidden,
		"https://app.example.com/area/%2e%2e/o":   forbidden,
		"https://app.example.com/area/.%2E/o":     forbidden,
		"https://app.example.com/area%2f..%2fo":   forbidden,
		"https://app.example.com/area/..%2fo":     forbidden,
		"https://app.example.com/area/x%2Fy":      forbidden,
		"https://app.example.com/area%2fx":        forbidden,
		"https://app.example.com//area":           forbidden,
		"https://app.example.com":                 forbidden,
		"https://app.example.com/":                forbidden,
		"https://app.example.com/other":           forbidden,
		"https://app.example.com/AREA":            forbidden,
		"https://app.example.com:443/area":        forbidden,
		"https://dir.example.com/dir/":            same,
		"https://dir.example.com/dir/x":           same,
		"https://dir.example.com/dir":             forbidden,
		"https://dir.example.com/dir?/x":          forbidden,
		"https://odd.example.com/a%20b/%C3%BC/x":  same,
		"https://odd.example.com/a b/ü":           "https://odd.example.com/a%20b/%C3%BC",
		"https://odd.example.com/a+b/ü":           forbidden,
	}.check(t, listed(t, "https://app.example.com/area", "https://dir.example.com/dir/", "https://odd.example.com/a b/%c3%bc"))
}

func TestHostsAndWildcards(t *testing.T) {
	answers{
		"https://a.wild.example.com":            same,
		"https://a.b.wild.example.com/x":        same,
		"https://A.WILD.example.com/":           "https://a.wild.example.com/",
		"https://.wild.example.com":             forbidden,
		"https://a..wild.example.com":           forbidden,
		"https://wild.example.com":              forbidden,
		"https://evilwild.example.com":          forbidden,
		"https://a.wild.example.com.":           forbidden,
		"https://a.wild.example.com:444":        forbidden,
		"https://a.wild.example.com:443":        forbidden,
		"http://a.wild.example.com":             forbidden,
		"https://evil.com/.wild.example.com":    forbidden,
		"https://evil.com#.wild.example.com":    forbidden,
		"https://xn--a.wild.example.com":        forbidden, // whether this is a name at all, nobody here can say
		"https://u@evil.com@a.wild.example.com": malformed,
		"https://evil.com%2f.wild.example.com":  malformed,
		"https://evil.com%23.wild.example.com":  malformed,
		`https://evil.com\.wild.example.com`:    malformed,
		"https://*.wild.example.com":            malformed,
		"https://a.wildp.example.com:8443/p":    same,
		"https://a.wildp.example.com:8443/q":    forbidden,
		"https://a.wildp.example.com/p":         forbidden,
		"https://upper.example.com/":            same,
		"https://q.example.com/?b=2":            same,
		"https://p443.example.com:443":          same,
		"https://p443.example.com":              forbidden,
		"http://[::1]:4455/x":                   same,
		"http://[0:0:0:0:0:0:0:1]:4455/x":       "http://[::1]:4455/x",
		"https://xn--mnchen-3ya.example.com":    same,
	}.check(t, listed(t, "https://*.wild.example.com", "https://*.wildp.example.com:8443/p", "https://UPPER.example.com", "https://q.example.com/?a=1",
		"https://p443.example.com:443", "http://[::1]:4455", "https://xn--mnchen-3ya.example.com"))
}

func TestSchemesOfApps(t *testing.T) {
	answers{
		"exp://192.168.0.1:8081":            same,
		"EXP://192.168.0.1:8081/--/x":       "exp://192.168.0.1:8081/--/x",
		"exp://192.168.0.2:8081":            forbidden,
		"exp:/x":                            forbidden,
		"exp:x":                             malformed,
		"myapp2://callback":                 same,
		"myapp2://callback/x":               same,
		"myapp2://callback?x=1":             same,
		"myapp2://CALLBACK":                 same,
		"myapp2://callbackx":                forbidden,
		"myapp2:///callback":                forbidden,
		"myapp://":                          same,
		"myapp://callback":                  same,
		"myapp://42/a/../b":                 "myapp://42/b",
		"myapp:///cb":                       same,
		"myapp:/cb?x y":                     "myapp:/cb?x%20y",
		"MyApp://cb":                        "myapp://cb",
		"myapp:cb":                          malformed,
		"myapp:":                            malformed,
		"myapp:/.//evil.com":                forbidden,
		"myapp://u@cb":                      malformed,
		"myapp://a%20b":                     malformed,
		"com.example.app:/oauth":            same,
		"com.example.app:///oauth/x?code=1": same,
		"com.example.app:/oauth/../x":       forbidden,
		"com.example.app:/oauthx":           forbidden,
		"com.example.app://oauth":           forbidden,
		"com.example.app:oauth":             malformed,
		"other:/x":                          forbidden,
	}.check(t, listed(t, "exp://192.168.0.1:8081", "myapp2://callback", "myapp://", "com.example.app:/oauth"))
}

func TestAPathOnTheListBelongsToTheDefaultsHost(t *testing.T) {
	rs, err := NewReturns("https://x.example/", "/welcome", []string{"/ok"})
	if err != nil || rs.fallback.String() != "https://x.example/welcome" {
		t.Fatalf("%v, %v", rs, err)
	}
	answers{
		"/ok/x":                "https://x.example/ok/x",
		"https://x.example/ok": same,
		"/x":                   forbidden,
		"//evil.com/ok":        forbidden,
		"///evil.com":          forbidden,
		"https://evil.com/ok":  forbidden,
		`\\evil.com`:           malformed,
	}.check(t, rs)
}

func TestEntriesThatCannotMatchAreRefused(t *testing.T) {
	for _, allowed := range []string{"https://*", "https://foo.*.example.com", "https:x", "myapp:", "https://u:p@x.example", "http://", "https://x:0", "http://127.1", "http://*.1.2.3.4", "http://*.[::1]", "javascript://x", "x", "", "?x", "//", "https://ü.example"} {
		if _, err := NewReturns("https://x.example/", "", []string{allowed}); err == nil {
			t.Errorf("%q is accepted", allowed)
		}
	}
	for _, fallback := range []string{"x", "mailto:a", "https://u@x", "https:///x"} {
		if _, err := NewReturns("https://x.example/", fallback, nil); err == nil {
			t.Errorf("%q is accepted", fallback)
		}
	}
}

func TestReasonsDoNotEchoTheAddress(t *testing.T) {
	for _, raw := range []string{"https://evil.example/secret", "https:secret"} {
		if _, err := listed(t).Allow(raw); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestConfiguredAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://ui.example/login?x=1#y": "https://ui.example/login?x=1#y", "/login": "https://x.example/login", "myapp://login": "myapp://login", "HTTPS://UI.example": "https://ui.example",
		"login": "", "https:login": "", "javascript:x": "", "": "",
	} {
		got, err := Configured("https://x.example/base/", address)
		if got.String() != want || (err == nil) != (want != "" || address == "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

func TestReturnsWithParameters(t *testing.T) {
	for address, want := range map[string]string{
		"https://x.example": "https://x.example?id=a%20%26%2B%23", "https://x.example/?": "https://x.example/?id=a%20%26%2B%23", "https://x.example/?y=1#f?g": "https://x.example/?y=1&id=a%20%26%2B%23#f?g",
		"myapp://cb#": "myapp://cb?id=a%20%26%2B%23#", "": "",
	} {
		if got := Stored(address).With("id", "a &+#").String(); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestOrigins(t *testing.T) {
	for address, want := range map[string]string{"https://X.example:8443/a?b#c": "https://x.example:8443", "http://[::1]:80": "http://[::1]", "https://x.example:443/y": "https://x.example", "https://x.example:80": "https://x.example:80", "myapp://cb": "myapp:", "com.example.app:/x": "com.example.app:"} {
		if got, err := Configured("", address); err != nil || got.Origin() != want {
			t.Errorf("%q: %q, %v", address, got.Origin(), err)
		}
	}
	if !Stored("").IsZero() || Stored("").Origin() != "" || Stored("https://x.example").IsZero() {
		t.Error("the zero Return is none")
	}
}

func TestWhoseFormsAreTrusted(t *testing.T) {
	rs, err := NewReturns("https://x.example/", "/welcome", []string{"https://app.example.com/area", "https://*.Wild.example:8443", "http://usual.example:80", "myapp://", "com.example.app:/oauth"})
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{
		"https://x.example": true, "https://app.example.com": true, "https://APP.example.com": true, "https://a.wild.example:8443": true, "https://a.b.wild.example:8443": true,
		"http://usual.example": true, "https://app.example.com:443": true,
		"http://app.example.com": false, "https://app.example.com:8443": false, "https://app.example.com/": false, "https://app.example.com/area": false, "https://wild.example:8443": false,
		"https://a.wild.example": false, "https://evilwild.example:8443": false, "https://app.example.com.evil.example": false, "https://u@app.example.com": false, "null": false, "": false,
		"myapp://": false, "myapp:": false, "com.example.app:/oauth": false, "https://": false, "//app.example.com": false, "https://app.example.com?x": false, "https://app.example.com#x": false,
	} {
		if got := rs.Trusts(origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
}
