package main

import (
	"strconv"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// TestOutage takes the database away from the whole server and gives it back.
func TestOutage(t *testing.T) {
	if !testkit.HasPostgres() {
		return // an embedded database cannot be taken away
	}
	t.Parallel()
	for name, away := range map[string]func(*testkit.Proxy){"refused": (*testkit.Proxy).Cut, "silent": (*testkit.Proxy).Stall} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := testkit.Postgres(t)
			proxy := testkit.NewProxy(t, testkit.Host(t, dsn))
			in := start(t, testkit.WithHost(t, dsn, proxy.Addr()), "")
			p := in.person()
			logins, registrations := in.begin("login", "").text(t, "ui.action"), in.begin("registration", "").text(t, "ui.action")
			b, _ := in.visitor()
			cookie := b.cookie()
			_, leave := b.leaving("")
			forms := map[string]answer{"login": b.ask(loginInit + "?refresh=true"), "registration": in.browser().ask(registrationInit)}
			away(proxy)
			answers := make([]answer, len(endpoints))
			together(len(endpoints), func(i int) int {
				e := endpoints[i]
				if e.method == "*" {
					e.method = "GET"
				}
				at := e.address(in, p.id) + e.query
				if e.flow {
					at = map[bool]string{true: logins, false: registrations}[strings.HasSuffix(e.pattern, "login")]
				}
				answers[i] = in.call(e.method, at, e.body, "X-Session-Token", p.token)
				return answers[i].status
			})
			for i, e := range endpoints {
				t.Run(e.method+" "+e.pattern, func(t *testing.T) { in.on(t).unavailable(answers[i], e) })
			}
			t.Run("browsers", func(t *testing.T) { b.on(t).outage(cookie, leave, forms) })
			proxy.Heal()
			until(t, func() bool { return in.call("GET", in.public+"/health/ready", nil).status == 200 })
			until(t, func() bool { return in.whoami(p.token).status == 200 })
			in.alive(cookie)
			in.call("GET", in.public+"/self-service/logout?token="+leave, nil, "Accept", asJSON, "Cookie", carrying(cookie)).expect(t, 204)
			in.gone(cookie)
			in.login(p.email)
			in.logout(p.token).expect(t, 204)
			in.whoami(p.token).refused(t, 401, "session_inactive")
		})
	}
}

// outage asks with a live cookie, as scripts and as navigations: each is told to try again, and no cookie is touched.
func (in *instance) outage(cookie, leave string, forms map[string]answer) {
	in.t.Helper()
	type request struct{ method, path, kind, body string }
	all := []request{
		{"GET", "/sessions/whoami", "", ""}, {"DELETE", "/sessions", "", ""}, {"GET", "/self-service/logout/browser", "", ""}, {"GET", "/self-service/logout?token=" + leave, "", ""},
		{"POST", "/self-service/logout", "application/x-www-form-urlencoded", "token=" + leave}, {"GET", loginInit, "", ""}, {"GET", registrationInit, "", ""}, {"GET", "/ui/", "", ""}, {"POST", "/ui/", "", ""}, {"GET", "/ui/logout", "", ""},
	}
	for kind, f := range forms {
		all = append(all, request{"POST", strings.TrimPrefix(in.act(f), in.public), "application/x-www-form-urlencoded", "method=password"}, request{"GET", "/ui/" + kind + "?flow=" + f.text(in.t, "id"), "", ""})
	}
	accepts := []string{asJSON, asPage, "*/*"}
	answers := make([]answer, len(accepts)*len(all))
	together(len(answers), func(i int) int {
		r := all[i/len(accepts)]
		answers[i] = in.call(r.method, in.public+r.path, r.body, "Content-Type", r.kind, "Accept", accepts[i%len(accepts)], "Cookie", carrying(cookie))
		return answers[i].status
	})
	for i, a := range answers {
		r, accept := all[i/len(accepts)], accepts[i%len(accepts)]
		in.t.Run(r.method+" "+strings.SplitN(r.path, "?", 2)[0]+" for "+accept, func(t *testing.T) {
			for _, line := range a.expect(t, 503).header["Set-Cookie"] {
				if strings.HasPrefix(line, "ory_kratos_session=") {
					t.Errorf("a cookie is touched: %s", line)
				}
			}
			if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 || telltale(a.body) != "" || strings.Contains(a.body, leave) {
				t.Errorf("Retry-After %q, %s", a.header.Get("Retry-After"), a.body)
			}
			if strings.HasPrefix(a.header.Get("Content-Type"), asPage) {
				if accept != asPage || !strings.Contains(a.body, "store_unavailable") {
					t.Error(a.body)
				}
				return
			}
			a.refused(t, 503, "store_unavailable")
		})
	}
}

// unavailable checks what an endpoint answers while the database is away.
func (in *instance) unavailable(a answer, e endpoint) {
	in.t.Helper()
	if telltale(a.body) != "" && !strings.HasSuffix(e.pattern, "/prometheus") {
		in.t.Errorf("the answer tells %q: %s", telltale(a.body), a.body)
	}
	if e.free {
		if a.status >= 500 {
			in.t.Errorf("%d %s", a.status, a.body)
		}
		return
	}
	a.expect(in.t, 503)
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
		in.t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	if strings.HasSuffix(e.pattern, "/health/ready") {
		a.has(in.t, "", "errors").has(in.t, "errors", "database")
		return
	}
	a.refused(in.t, 503, "store_unavailable")
}
