package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"exeunt/internal/testkit"
)

// together calls a function from so many goroutines at the same moment and returns the statuses in order.
func together(n int, call func(i int) int) []int {
	statuses := make([]int, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { <-start; statuses[i] = call(i) })
	}
	close(start)
	all.Wait()
	slices.Sort(statuses)
	return statuses
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"twenty logouts of one token at once all succeed", func(t *testing.T, in *instance) {
			p := in.person()
			if got := together(20, func(int) int { return in.logout(p.token).status }); got[0] != 204 || got[19] != 204 {
				t.Errorf("%v", got)
			}
			in.whoami(p.token).expect(t, 401)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "end_reason", "logout")
		}},
		{"of ten registrations of one e-mail at once one succeeds", func(t *testing.T, in *instance) {
			email := testkit.Email()
			var flows [10]answer
			for i := range flows {
				flows[i] = in.begin("registration", "")
			}
			got := together(10, func(i int) int {
				return in.signUp(flows[i], passphrase, object{"email": []string{email, strings.ToUpper(email)}[i%2]}).status
			})
			if !slices.Equal(got, []int{200, 400, 400, 400, 400, 400, 400, 400, 400, 400}) {
				t.Errorf("%v", got)
			}
			in.login(email)
		}},
		{"of ten identities with one external id at once one is created", func(t *testing.T, in *instance) {
			external := testkit.Email()
			got := together(10, func(int) int {
				return in.create(object{"traits": object{"email": testkit.Email()}, "external_id": external}).status
			})
			if !slices.Equal(got, []int{201, 409, 409, 409, 409, 409, 409, 409, 409, 409}) {
				t.Errorf("%v", got)
			}
		}},
		{"patches of one identity at once are all applied", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": "/metadata_public", "value": object{}}}).expect(t, 200)
			got := together(5, func(i int) int {
				return in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": "/metadata_public/k" + string(rune('0'+i)), "value": i}}).status
			})
			if got[0] != 200 || got[4] != 200 {
				t.Errorf("%v", got)
			}
			in.identity(p.id, "").has(t, "metadata_public", "k0 k1 k2 k3 k4")
		}},
		{"who is deactivated while signing in ends up signed out", func(t *testing.T, in *instance) {
			for range 5 {
				email := testkit.Email()
				id := in.register(email)
				var flows [4]answer
				for i := range flows {
					flows[i] = in.begin("login", "")
				}
				var mu sync.Mutex
				var tokens []string
				together(5, func(i int) int {
					if i == 4 {
						return in.state(id, "inactive").status
					}
					a := in.signIn(flows[i], email, passphrase)
					if a.status == 200 {
						mu.Lock()
						defer mu.Unlock()
						tokens = append(tokens, a.text(t, "session_token"))
					} else if a.messages(t) != "4010011" {
						t.Errorf("%d %s", a.status, a.body)
					}
					return a.status
				})
				for _, token := range tokens {
					in.whoami(token).refused(t, 401, "session_inactive")
				}
			}
		}},
		{"a logout that races with extends and refreshes is final", func(t *testing.T, in *instance) {
			for range 5 {
				p := in.person()
				f := in.begin("login", "?refresh=true", "X-Session-Token", p.token)
				var tokens [6]string
				together(6, func(i int) int {
					switch {
					case i < 2:
						return in.extend(p.session).status
					case i == 2:
						a := in.signIn(f, p.email, passphrase, "X-Session-Token", p.token)
						if a.status == 200 && a.text(t, "session.id") == p.session { // later, it begins another
							tokens[i] = a.text(t, "session_token")
						}
						return a.status
					case i < 5:
						return in.whoami(p.token).status
					}
					return in.logout(p.token).expect(t, 204).status // also when the token has just been replaced
				})
				for _, token := range append(tokens[2:3], p.token) {
					in.whoami(token).refused(t, 401, "session_inactive")
				}
				in.extend(p.session).expect(t, 404)
			}
		}},
		{"ids are no credentials", func(t *testing.T, in *instance) {
			p := in.person()
			for _, id := range []string{p.session, p.id, p.email, p.token[:len(p.token)-1], p.token + "x", strings.ToUpper(p.token)} {
				in.whoami(id).refused(t, 401, "session_inactive")
				in.logout(id).refused(t, 403, "session_token_unknown")
			}
			in.whoami(p.token).expect(t, 200)
		}},
		{"somebody's flow is of no use with another's password", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			in.call("PUT", in.admin+"/admin/identities/"+q.id, object{"traits": object{"email": q.email}, "credentials": clear("another one of q")}).expect(t, 200)
			f := in.begin("login", "?refresh=true", "X-Session-Token", p.token).expect(t, 200)
			for _, header := range [][]string{{"X-Session-Token", p.token}, {"X-Session-Token", q.token}} {
				in.signIn(f, p.email, "another one of q", header...).expect(t, 400)
			}
			in.signIn(f, q.email, "another one of q", "X-Session-Token", p.token).expect(t, 400)
			in.whoami(p.token).expect(t, 200).is(t, "identity.id", p.id)
			in.whoami(q.token).expect(t, 200).is(t, "identity.id", q.id)
		}},
		{"the admin API refuses foreign host names (DNS rebinding)", func(t *testing.T, in *instance) {
			p := in.person()
			for _, host := range []string{"evil.example", "evil.example:4434", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example", "[2001:db8::1]"} {
				for _, method := range []string{"GET", "POST", "DELETE", "PATCH"} {
					req, _ := http.NewRequest(method, in.admin+"/admin/identities/"+p.id, nil)
					req.Host = host
					in.do(req).refused(t, 403, "admin_foreign_request")
				}
			}
			for _, host := range []string{"localhost", "LOCALHOST:9", "127.0.0.1", "127.9.9.9:1", "[::1]:80"} {
				req, _ := http.NewRequest("GET", in.admin+"/admin/identities/"+p.id, nil)
				req.Host = host
				in.do(req).expect(t, 200)
			}
		}},
		{"the admin API refuses what a page from elsewhere sends", func(t *testing.T, in *instance) {
			p := in.person()
			for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
				in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil, header...).refused(t, 403, "admin_foreign_request")
				in.call("POST", in.admin+"/admin/sessions", object{"action": "disable", "identities": []string{"*"}}, header...).refused(t, 403, "admin_foreign_request")
				for _, path := range []string{"/admin/identities?include_credential=password", "/identities", "/sessions/" + p.session} {
					in.call("GET", in.admin+path, nil, header...).refused(t, 403, "admin_foreign_request").hides(t, p.email)
					in.call("HEAD", in.admin+path, nil, header...).expect(t, 403)
				}
			}
			in.call("GET", in.admin+"/admin/identities", nil, "Origin", in.admin, "Sec-Fetch-Site", "same-origin").expect(t, 200)
			in.whoami(p.token).expect(t, 200)
			in.call("POST", in.admin+"/sessions", object{"action": "disable", "sessions": []string{p.session}}, "Origin", in.admin).expect(t, 200)
		}},
		{"the admin API refuses what comes through a tunnel", func(t *testing.T, in *instance) {
			for _, path := range []string{"/admin/sessions", "/sessions", "/sessions/whoami", "/console"} {
				in.call("GET", in.admin+path, nil, "X-Exeunt-Tunnel", "x").refused(t, 403, "admin_behind_tunnel")
			}
			wrong := []string{"X-Exeunt-Tunnel", "x", "Authorization", "Bearer anything"} // which nobody asks for while there is no key
			for _, path := range []string{"/admin/sessions", "/sessions", "/identities", "/settings", "/keys", "/health/ready", "/metrics/prometheus",
				"/console", "/console/sign-in", "/console/sessions", "/console/keys"} {
				in.call("GET", in.admin+path, nil, wrong...).refused(t, 403, "admin_behind_tunnel")
			}
			for _, path := range []string{"/sessions", "/keys", "/console/sign-in", "/console/keys", "/console/redirects"} {
				in.call("POST", in.admin+path, nil, wrong...).expect(t, 403)
			}
		}},
		{"no answer lets a page from elsewhere read it", func(t *testing.T, in *instance) {
			p := in.person()
			for _, at := range []string{in.public + "/sessions/whoami", in.admin + "/admin/sessions"} {
				for _, method := range []string{"GET", "OPTIONS"} {
					a := in.call(method, at, nil, "X-Session-Token", p.token, "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
					if a.header["Access-Control-Allow-Origin"] != nil || a.header["Access-Control-Allow-Credentials"] != nil {
						t.Errorf("%v", a.header)
					}
				}
			}
		}},
		{"headers about the client are not believed from just anybody (W22)", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			a := in.signIn(in.begin("login", ""), email, passphrase, "X-Forwarded-For", "203.0.113.9", "True-Client-IP", "203.0.113.8", "X-Real-IP", "203.0.113.7",
				"CF-Connecting-IP", "203.0.113.6", "Cf-Ipcity", "Ghent", "Forwarded", "for=203.0.113.5")
			a.expect(t, 200).is(t, "session.devices.0.ip_address", "127.0.0.1").is(t, "session.devices.0.location", "")
		}},
		{"X-Forwarded-Host and -Proto change nothing", func(t *testing.T, in *instance) {
			a := in.begin("login", "", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/evil", "Forwarded", "host=evil.example")
			if a.expect(t, 200); strings.Contains(a.body, "evil") || strings.Contains(a.body, "https") {
				t.Error(a.body)
			}
			req, _ := http.NewRequest("GET", in.public+"/self-service/login/api", nil)
			req.Host = "evil.example"
			if a := in.do(req).expect(t, 200); strings.Contains(a.body, "evil") {
				t.Error(a.body)
			}
		}},
		{"user agents are stored clean and short", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			for sent, stored := range map[string]string{"browser/1 (x)": "browser/1 (x)", "a\tb\xffc": "abc", strings.Repeat("x", 600): strings.Repeat("x", 512), strings.Repeat("ä", 300): strings.Repeat("ä", 256)} {
				in.signIn(in.begin("login", ""), email, passphrase, "User-Agent", sent).expect(t, 200).is(t, "session.devices.0.user_agent", stored)
			}
		}},
	})
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	contract(t, "serve: {public: {port: 0, trusted_proxies: [127.0.0.1, 10.0.0.0/8]}, admin: {port: 0}}\n", []row{
		{"the client's address comes from a trusted proxy, checked and without a port (W22)", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			for _, c := range []struct {
				want   string
				header []string
			}{
				{"203.0.113.9", []string{"X-Forwarded-For", "203.0.113.9"}},
				{"203.0.113.9", []string{"X-Forwarded-For", "6.6.6.6, bogus, 203.0.113.9, 10.1.2.3"}},
				{"203.0.113.9", []string{"X-Forwarded-For", "203.0.113.9:4711"}},
				{"2001:db8::9", []string{"X-Forwarded-For", "2001:DB8::9%eth0"}},
				{"2001:db8::9", []string{"X-Forwarded-For", "[2001:db8::9]:80"}},
				{"203.0.113.9", []string{"X-Forwarded-For", "::ffff:203.0.113.9"}},
				{"10.1.2.3", []string{"X-Forwarded-For", "bogus, 10.1.2.3"}},
				{"127.0.0.1", []string{"X-Forwarded-For", "bogus"}},
				{"127.0.0.1", []string{"X-Forwarded-For", ""}},
				{"203.0.113.8", []string{"True-Client-IP", "203.0.113.8", "X-Real-IP", "203.0.113.7"}},
				{"203.0.113.7", []string{"True-Client-IP", "bogus", "X-Real-IP", " 203.0.113.7 "}},
				{"203.0.113.9", []string{"True-Client-IP", "203.0.113.8", "X-Forwarded-For", "203.0.113.9"}},
				{"203.0.113.6", []string{"CF-Connecting-IP", "203.0.113.6"}},
			} {
				in.signIn(in.begin("login", ""), email, passphrase, c.header...).expect(t, 200).is(t, "session.devices.0.ip_address", c.want)
			}
			a := in.signIn(in.begin("login", ""), email, passphrase, "Cf-Ipcity", "Ghent", "Cf-Ipcountry", "BE")
			a.expect(t, 200).is(t, "session.devices.0.location", "Ghent, BE")
		}},
	})
}
