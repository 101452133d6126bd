package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"exeunt/internal/testkit"
)

func TestASoundInstallationHasNoProblems(t *testing.T) {
	port, own := freePort(t), freePort(t)
	p := server(t, own, fmt.Sprintf("base_url: 'https://localhost:%d/', trusted_proxies: [127.0.0.1], cors: {enabled: true, allowed_origins: ['https://localhost:3000']}", port),
		"cookies: {same_site: Strict}\n")
	proxy := nginx(t, port, fmt.Sprintf("location / { proxy_pass http://127.0.0.1:%d; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; }", own))
	d := visit(proxy.address, proxy.roots)
	d.Origins, d.Returns, d.Admin = []string{"https://localhost:3000"}, []string{proxy.address + "/self-service/login/browser"}, p.Admin
	all := d.Examine(t.Context())
	if bad := findings(all, Problem); len(bad) > 0 {
		t.Errorf("%+v", all)
	}
	if noted := findings(all, Note); !slices.Equal(noted, []string{"admin_open_locally"}) {
		t.Errorf("%v", noted)
	}
	if good := findings(all, Good); len(good) != 8 {
		t.Errorf("%d checks were good: %+v", len(good), all)
	}
}

// TestCausesOfMisconfigurationsAreNamed prepares each with a real server, and a proxy where it takes one.
func TestCausesOfMisconfigurationsAreNamed(t *testing.T) {
	to := func(port int) string {
		return fmt.Sprintf("location / { proxy_pass http://127.0.0.1:%d; proxy_set_header Host $http_host; ", port)
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T) *Doctor
		causes  []string
	}{
		"a base URL with http behind a proxy that speaks TLS": {func(t *testing.T) *Doctor {
			port, own := freePort(t), freePort(t)
			server(t, own, "trusted_proxies: [127.0.0.1]", "")
			proxy := nginx(t, port, to(own)+"proxy_set_header X-Forwarded-Proto $scheme; }")
			return visit(proxy.address, proxy.roots)
		}, []string{"base_url_http", "cookie_not_secure"}},
		"cookies for another domain": {func(t *testing.T) *Doctor {
			port, own := freePort(t), freePort(t)
			server(t, own, "base_url: 'https://auth.shop.test/'", "cookies: {domain: shop.test}\n")
			proxy := nginx(t, port, to(own)+"}")
			return visit(proxy.address, proxy.roots)
		}, []string{"base_url_differs", "cookie_domain"}},
		"an installation for https reached by http": {func(t *testing.T) *Doctor {
			own := freePort(t)
			server(t, own, "base_url: 'https://auth.shop.test/'", "")
			return visit(fmt.Sprintf("http://127.0.0.1:%d", own), nil)
		}, []string{"base_url_differs"}},
		"a proxy that drops cookies": {func(t *testing.T) *Doctor {
			port, own := freePort(t), freePort(t)
			server(t, own, fmt.Sprintf("base_url: 'https://localhost:%d/'", port), "")
			proxy := nginx(t, port, to(own)+"proxy_hide_header Set-Cookie; }")
			return visit(proxy.address, proxy.roots)
		}, []string{"cookies_dropped"}},
		"a proxy that passes /admin on to the admin listener": {func(t *testing.T) *Doctor {
			port, own := freePort(t), freePort(t)
			p := server(t, own, fmt.Sprintf("base_url: 'https://localhost:%d/'", port), "")
			proxy := nginx(t, port, to(own)+"} location /admin/ { proxy_pass "+p.Admin+"; }")
			return visit(proxy.address, proxy.roots)
		}, []string{"admin_open_in_public"}},
		"a proxy without its server": {func(t *testing.T) *Doctor {
			port := freePort(t)
			proxy := nginx(t, port, to(freePort(t))+"}")
			return visit(proxy.address, proxy.roots)
		}, []string{"proxy_alone"}},
		"a certificate that nobody trusts": {func(t *testing.T) *Doctor {
			port := freePort(t)
			return visit(nginx(t, port, "return 200;").address, nil)
		}, []string{"unreachable"}},
		"a return address that is not allowed": {func(t *testing.T) *Doctor {
			d := visit(server(t, 0, "", "").Public, nil)
			d.Returns = []string{"https://app.example.com/?code=secret"}
			return d
		}, []string{"return_not_allowed"}},
		"an origin that is not allowed": {func(t *testing.T) *Doctor {
			d := visit(server(t, 0, "", "").Public, nil)
			d.Origins = []string{"http://127.0.0.1:3000"}
			return d
		}, []string{"cors_not_allowed"}},
		"a proxy and exeunt that both speak CORS": {func(t *testing.T) *Doctor {
			port, own := freePort(t), freePort(t)
			server(t, own, fmt.Sprintf("base_url: 'https://localhost:%d/', cors: {enabled: true, allowed_origins: ['https://localhost:3000']}", port), "")
			proxy := nginx(t, port, to(own)+"add_header Access-Control-Allow-Origin * always; }")
			d := visit(proxy.address, proxy.roots)
			d.Origins = []string{"https://localhost:3000"}
			return d
		}, []string{"cors_twice"}},
		"an application of another site": {func(t *testing.T) *Doctor {
			d := visit(server(t, 0, "cors: {enabled: true, allowed_origins: ['https://app.example.com']}", "").Public, nil)
			d.Origins, d.Embedded = []string{"https://app.example.com"}, true
			return d
		}, []string{"same_site", "embedded_same_site"}},
		"a clock that is wrong": {func(t *testing.T) *Doctor {
			d := visit(server(t, 0, "", "").Public, nil)
			d.Now = func() time.Time { return time.Now().Add(-time.Hour) }
			return d
		}, []string{"clock_skew"}},
		"another server at that address": {func(t *testing.T) *Doctor {
			return visit(server(t, 0, "", "").Admin+"/admin/keys", nil)
		}, []string{"not_exeunt"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := c.prepare(t).Examine(t.Context())
			if bad := findings(all, Problem); !slices.Equal(bad, c.causes) {
				t.Errorf("named are %v, want %v: %+v", bad, c.causes, all)
			}
			for _, f := range all {
				if f.Level == Problem && f.Do == "" && f.Cause != "unreachable" || strings.Contains(f.Says, "secret") {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestADatabaseThatIsAwayIsNamed(t *testing.T) {
	if !testkit.HasPostgres() {
		return
	}
	u, err := url.Parse(testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	between := testkit.NewProxy(t, u.Host)
	u.Host = between.Addr()
	p := testkit.Start(t, t.TempDir(), fmt.Sprintf("dsn: %q\n%s", u.String(), testkit.Quick))
	d := visit(p.Public, nil)
	if bad := findings(d.Examine(t.Context()), Problem); len(bad) > 0 {
		t.Fatalf("%v", bad)
	}
	between.Cut()
	d = visit(p.Public, nil)
	if bad := findings(d.Examine(t.Context()), Problem); len(bad) == 0 || bad[0] != "store_unreachable" {
		t.Errorf("%v", bad)
	}
}

func TestWhyWhoamiRefusesARequest(t *testing.T) {
	factors := strings.Replace(testkit.Quick, "selfservice: {", "selfservice: {methods: {totp: {enabled: true}}, ", 1)
	p := testkit.Start(t, t.TempDir(), factors+"session: {whoami: {required_aal: highest_available}}\n")
	ada := newPerson(t, p)
	cookie := ada.browse()
	ended, endedID := ada.signIn()
	ada.call("DELETE", p.Admin+"/admin/sessions/"+endedID, nil, 204)
	out, _ := ada.signIn()
	ada.call("DELETE", p.Public+"/self-service/logout/api", map[string]string{"session_token": out}, 204)
	const name = "Cookie: ory_kratos_session="
	for what, c := range map[string]struct {
		request string
		level   Level
		causes  []string
		says    string
	}{
		"nothing at all":                       {"Accept: */*", Problem, []string{"no_credential"}, "no credential"},
		"cookies of others":                    {"Cookie: theme=dark; lang=en", Problem, []string{"no_credential"}, "lang, theme"},
		"a script without credentials":         {"Origin: https://app.example.com\nSec-Fetch-Site: same-site", Problem, []string{"cookie_not_sent"}, "another origin"},
		"a cookie that was renamed":            {"Cookie: session=" + cookie, Problem, []string{"cookie_other_name"}, "The cookie session holds"},
		"a cookie of somebody else's":          {name + "s%3Aexpress.abc", Problem, []string{"cookie_no_token"}, "exeunt has not set it"},
		"a header's token in a cookie":         {name + ada.token, Problem, []string{"header_token_in_cookie"}, ""},
		"a cookie's token in a header":         {"X-Session-Token: " + cookie, Problem, []string{"cookie_token_in_header"}, ""},
		"a cookie's token as bearer":           {"Authorization: Bearer " + cookie, Problem, []string{"cookie_token_in_header"}, ""},
		"a key of the admin API":               {"Authorization: Bearer ory_pat_" + strings.Repeat("a", 32), Problem, []string{"admin_key"}, ""},
		"a signed token":                       {"Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", Problem, []string{"jwt"}, ""},
		"no bearer":                            {"Authorization: Basic YTpi", Problem, []string{"not_bearer"}, ""},
		"a session that an admin ended":        {"X-Session-Token: " + ended, Problem, []string{"session_ended"}, "revoked_by_admin: session " + endedID},
		"a session that was signed out":        {"Authorization: Bearer " + out, Problem, []string{"session_ended"}, "logout"},
		"a token of nowhere":                   {"X-Session-Token: ory_st_" + strings.Repeat("a", 32), Problem, []string{"session_unknown"}, "nor does the admin API"},
		"a live session":                       {"X-Session-Token: " + ada.token, Good, []string{""}, "200"},
		"a live cookie, copied by curl -v":     {"> GET /sessions/whoami HTTP/1.1\n> Host: 127.0.0.1\n> Cookie: a=b; ory_kratos_session=" + cookie + "\n< HTTP/1.1 401\n< Set-Cookie: ory_kratos_session=x", Good, []string{""}, "200"},
		"a live cookie, copied from a browser": {":authority:\nexample.com\ncookie:\nory_kratos_session=" + cookie + "\n", Good, []string{""}, "200"},
		"a live cookie, copied as curl":        {"curl 'https://example.com/' \\\n  -H 'accept: */*' \\\n  -b 'ory_kratos_session=" + cookie + "' --compressed", Good, []string{""}, "200"},
		"several cookies":                      {name + "stale; ory_kratos_session=" + cookie, Note, []string{"several_cookies"}, "2 cookies"},
		"two credentials":                      {"X-Session-Token: " + ada.token + "\n" + name + cookie, Note, []string{"two_credentials"}, "goes first"},
		"a request to another host":            {"Host: other.example.com\nX-Session-Token: " + ada.token, Note, []string{"other_host"}, "other.example.com"},
		"a cookie that Kratos has sealed":      {name + "MTY" + strings.Repeat("x", 200), Note, []string{"kratos_cookie"}, "sealed"},
	} {
		t.Run(what, func(t *testing.T) { explained(t, p, ada, c.request, c.level, c.causes, c.says) })
	}

	// With a second factor, the first one alone does not count any more.
	f := ada.call("GET", p.Public+"/self-service/settings/api", nil, 200, "X-Session-Token", ada.token)
	code, err := totp.GenerateCode(f.node("totp_secret_key"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ada.call("POST", f.UI.Action, map[string]string{"method": "totp", "totp_code": code}, 200, "X-Session-Token", ada.token)
	half, _ := ada.signIn()
	explained(t, p, ada, "X-Session-Token: "+half, Problem, []string{"aal_required"}, "second factor")
	// Setting it up has given the session another token, and taken the others of the person away.
	explained(t, p, ada, name+cookie, Problem, []string{"session_ended"}, "credential_changed")
}

func TestASessionThatHasRunOutIsNamed(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), testkit.Quick+"session: {lifespan: 1s}\n")
	ada := newPerson(t, p)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for d := visit(p.Public, nil); ; <-tick.C {
		a, err := d.ask(t.Context(), http.MethodGet, p.Public+"/sessions/whoami", "X-Session-Token", ada.token)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusUnauthorized {
			break
		}
	}
	explained(t, p, ada, "X-Session-Token: "+ada.token, Problem, []string{"session_expired"}, "session "+ada.id)
}

// explained checks what is said of a request, and that no token is in it.
func explained(t *testing.T, p *testkit.Process, who *person, text string, level Level, causes []string, says string) {
	t.Helper()
	r, err := ReadRequest(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := visit(p.Public, nil)
	d.Lookup = who.lookup
	all := d.Explain(t.Context(), r)
	if got := findings(all, level); !slices.Equal(got, causes) || !strings.Contains(fmt.Sprint(all), says) {
		t.Errorf("named are %v, want %v with %q: %+v", got, causes, says, all)
	}
	for _, f := range all {
		if strings.Contains(f.Says+f.Do, "ory_st_") || strings.Contains(f.Says+f.Do, "ory_sc_") || strings.Contains(f.Says, "express") {
			t.Errorf("a credential is shown: %+v", f)
		}
	}
}

// lookup is what the command does with the admin API.
func (w *person) lookup(_ context.Context, token string) (Traced, error) {
	var s struct {
		ID, State string
		EndedAt   time.Time `json:"ended_at"`
		EndedBy   string    `json:"ended_by"`
		Identity  struct{ ID string }
	}
	status, err := postJSON(w.p.Admin+"/admin/sessions/lookup", map[string]string{"session_token": token}, &s)
	if status == http.StatusNotFound {
		return Traced{}, ErrNoSession
	}
	return Traced{ID: s.ID, IdentityID: s.Identity.ID, EndedAt: s.EndedAt, EndedBy: s.EndedBy}, err
}

func TestARequestIsNotSentInClearText(t *testing.T) {
	r, err := ReadRequest(strings.NewReader("X-Session-Token: ory_st_x"))
	if err != nil {
		t.Fatal(err)
	}
	d := visit("http://auth.example.com", nil)
	d.Client.Transport = refusing{}
	if all := d.Explain(t.Context(), r); !slices.Equal(findings(all, Problem), []string{"clear_text"}) {
		t.Errorf("%+v", all)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("something was sent")
}

func TestRequestsThatAreNone(t *testing.T) {
	for _, text := range []string{"", "hello", "ory_st_secret", "<html>", strings.Repeat("x", maxRequest+1)} {
		if _, err := ReadRequest(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzRequest has anything at all pasted; no token of it is ever shown.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{"Cookie: a=b", "curl -H 'Cookie: x'", "cookie:\n\n a=b", ":authority: x", "> Cookie: ory_kratos_session=ory_sc_x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const secret = "ory_st_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		r, err := ReadRequest(strings.NewReader(s + "\nX-Session-Token: " + secret + "\nCookie: " + secret + "; " + secret + "=1\n"))
		if err != nil {
			return
		}
		d := visit("http://127.0.0.1:1", nil)
		d.Client.Transport = refusing{}
		for _, finding := range d.Explain(t.Context(), r) {
			if strings.Contains(fmt.Sprint(finding), secret) {
				t.Errorf("%+v", finding)
			}
		}
	})
}
