package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	app  = "https://app.example.com"
	cors = `
serve:
  admin: {port: 0}
  public: {port: 0, failed_attempts_per_minute: 0, cors: {enabled: true, max_age: 60, allowed_origins: ['https://app.example.com', 'https://*.wild.example.com']}}
`
)

// preflight asks whether a page of an origin may send a request.
func (in *instance) preflight(path, origin, method, fields string) answer {
	in.t.Helper()
	return in.call("OPTIONS", in.public+path, nil, "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", fields)
}

// readable checks whether a page of an origin may read an answer: with its cookies, or not at all.
func (a answer) readable(t *testing.T, origin string) answer {
	t.Helper()
	got := a.header.Get("Access-Control-Allow-Origin") + " " + a.header.Get("Access-Control-Allow-Credentials")
	want := " "
	if origin != "" {
		want = origin + " true"
	}
	if got != want {
		t.Errorf("%d may be read by %q, want %q", a.status, got, want)
	}
	if !slices.Contains(strings.Split(strings.Join(a.header["Vary"], ", "), ", "), "Origin") {
		t.Errorf("Vary %q", a.header["Vary"])
	}
	return a
}

func TestContractCORS(t *testing.T) {
	t.Parallel()
	var rows []row
	for _, path := range []string{"/sessions/whoami", "/self-service/login/browser", "/self-service/logout", "/self-service/logout/api", "/health/alive", "/nope"} {
		rows = append(rows, row{"sessions 7: preflight of " + path, func(t *testing.T, in *instance) {
			for _, origin := range []string{app, "https://a.wild.example.com", "https://a.b.wild.example.com"} {
				for _, method := range []string{"POST", "GET", "PUT", "PATCH", "DELETE"} {
					a := in.preflight(path, origin, method, "content-type,x-session-token").expect(t, 204).readable(t, origin).sets(t)
					if a.header.Get("Access-Control-Allow-Methods") != method || a.header.Get("Access-Control-Allow-Headers") != "content-type,x-session-token" || a.header.Get("Access-Control-Max-Age") != "60" || a.body != "" {
						t.Errorf("headers %v", a.header)
					}
				}
			}
			in.preflight(path, app, "GET", "").expect(t, 204).readable(t, app)
		}}, row{"sessions 7: preflight of " + path + " that is refused", func(t *testing.T, in *instance) {
			for _, c := range [][3]string{
				{"https://evil.example", "GET", ""}, {"null", "GET", ""}, {app + ".evil.example", "GET", ""}, {"http://app.example.com", "GET", ""}, {app + ":444", "GET", ""}, {"https://wild.example.com", "GET", ""},
				{"https://evilwild.example.com", "GET", ""}, {app, "HEAD", ""}, {app, "GET", "x-foo"}, {app, "GET", "x-session-token,content-type"}, {app, "TRACE", ""},
			} {
				a := in.preflight(path, c[0], c[1], c[2]).expect(t, 204).readable(t, "")
				if a.header["Access-Control-Allow-Methods"] != nil || a.header["Access-Control-Allow-Headers"] != nil {
					t.Errorf("%v: %v", c, a.header)
				}
			}
		}})
	}
	rows = append(rows,
		row{"sessions 7: answers may be read, failures too", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			ask := func(method, path string) answer {
				return b.call(method, in.public+path, nil, "Origin", app, "Accept", asJSON, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty").readable(t, app)
			}
			if got := ask("GET", "/sessions/whoami").expect(t, 200).header.Get("Access-Control-Expose-Headers"); got != "Content-Type" {
				t.Errorf("exposed: %q", got)
			}
			ask("GET", "/nope").refused(t, 404, "route_not_found")
			ask("PUT", "/self-service/logout").refused(t, 405, "method_not_allowed")
			ask("GET", "/self-service/login/browser?aal=9").refused(t, 400, "aal_invalid")
			ask("GET", "/self-service/login/browser").refused(t, 400, "session_already_available")
			ask("GET", "/health/alive").expect(t, 200)
			out := ask("GET", "/self-service/logout/browser").expect(t, 200)
			ask("GET", strings.TrimPrefix(out.text(t, "logout_url"), in.public)).expect(t, 204).sets(t, removed, guard)
			ask("GET", "/sessions/whoami").refused(t, 401, "session_inactive")
		}},
		row{"sessions 7: answers to pages of other origins are not marked, and not blocked either", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, origin := range []string{"https://evil.example", "null", "http://app.example.com", "https://wild.example.com"} {
				b.ask("/sessions/whoami", "Origin", origin).expect(t, 200).readable(t, "")
				b.ask("/nope", "Origin", origin).refused(t, 404, "route_not_found").readable(t, "")
			}
			b.ask("/sessions/whoami").expect(t, 200).readable(t, "")
		}},
		row{"sessions 7: OPTIONS without the method asked for is a request like any other", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			b.call("OPTIONS", in.public+"/sessions/whoami", nil, "Origin", app).expect(t, 200).readable(t, app)
			b.call("OPTIONS", in.public+"/self-service/logout", nil, "Origin", app).refused(t, 405, "method_not_allowed").readable(t, app)
		}},
		row{"sessions 7: a page of an allowed origin signs in, does what its person may do, and signs out", func(t *testing.T, in *instance) {
			_, p := in.visitor()
			other, _ := in.login(p.email)
			b := in.browser()
			from := []string{"Origin", app, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", asJSON}
			f := b.ask("/self-service/login/browser", from...).expect(t, 200).readable(t, app)
			b.send(in.act(f), object{"method": "password", "identifier": p.email, "password": passphrase, "csrf_token": f.csrf(t)}, from...).expect(t, 200).readable(t, app)
			b.call("DELETE", in.public+"/sessions", nil, from...).expect(t, 200).is(t, "count", 2).readable(t, app)
			in.whoami(other).refused(t, 401, "session_inactive")
			_, token := b.leaving("", from...)
			b.send("/self-service/logout", object{"token": token}, from...).expect(t, 204).readable(t, app)
		}},
		row{"sessions W14: a page of another origin can do nothing with the cookie", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			other, id := in.login(p.email)
			_, token := b.leaving("")
			for _, origin := range []string{"https://evil.example", "null", app + ".evil.example", "https://wild.example.com"} {
				b.call("DELETE", in.public+"/sessions", nil, "Origin", origin).refused(t, 403, "security_csrf_violation").readable(t, "")
				b.call("DELETE", in.public+"/sessions/"+id, nil, "Origin", origin).refused(t, 403, "security_csrf_violation").readable(t, "")
				b.send("/self-service/logout", object{"token": token}, "Origin", origin).refused(t, 403, "security_csrf_violation").readable(t, "")
				b.ask("/self-service/logout?token="+token, "Origin", origin).refused(t, 403, "logout_not_intended").readable(t, "")
			}
			in.whoami(other).expect(t, 200)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	)
	contract(t, cors, rows)
}

func TestContractCORSForEverybody(t *testing.T) {
	t.Parallel()
	open := strings.Replace(cors, "allowed_origins: ['https://app.example.com', 'https://*.wild.example.com']", "allowed_origins: ['*'], allow_credentials: false", 1)
	contract(t, open, []row{
		{"sessions 7, W14: everybody may read, and nobody with cookies", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			other, _ := in.login(p.email)
			for _, origin := range []string{app, "null", "https://evil.example"} {
				for _, a := range []answer{in.preflight("/sessions/whoami", origin, "GET", "x-session-token").expect(t, 204), in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", other, "Origin", origin).expect(t, 200)} {
					if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header["Access-Control-Allow-Credentials"] != nil {
						t.Errorf("headers %v", a.header)
					}
				}
				b.call("DELETE", in.public+"/sessions", nil, "Origin", origin).refused(t, 403, "security_csrf_violation")
			}
			in.whoami(other).expect(t, 200)
		}},
	})
}

func TestContractNoCORS(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions 7: without it nothing is marked, and a preflight is a request like any other", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, path := range []string{"/self-service/logout", "/self-service/login/browser", "/health/alive", "/sessions"} {
				a := in.preflight(path, app, "GET", "").refused(t, 405, "method_not_allowed")
				for name := range a.header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s: %v", path, a.header)
					}
				}
			}
			in.preflight("/nope", app, "GET", "").refused(t, 404, "route_not_found")
			a := b.ask("/sessions/whoami", "Origin", app).expect(t, 200)
			if !slices.Equal(a.header["Vary"], []string{"Cookie"}) || a.header[http.CanonicalHeaderKey("Access-Control-Allow-Origin")] != nil {
				t.Errorf("headers %v", a.header)
			}
		}},
	})
}
