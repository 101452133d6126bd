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
			proxy.Heal()
			until(t, func() bool { return in.call("GET", in.public+"/health/ready", nil).status == 200 })
			until(t, func() bool { return in.whoami(p.token).status == 200 })
			in.login(p.email)
			in.logout(p.token).expect(t, 204)
			in.whoami(p.token).refused(t, 401, "session_inactive")
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
