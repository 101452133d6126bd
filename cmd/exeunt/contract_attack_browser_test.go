package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// keyring is everything that two people hold who are signed in: Ann in a browser and with two tokens, Bob in a browser
// and with a token. It is made anew where it was used up.
type keyring struct {
	in       *instance
	ann, bob person
	live     map[string]string // by name, the cookie or token
	logout   map[string]string // by name, the logout token
	session  map[string]string // by name, the session's id
}

func (in *instance) keyring() *keyring {
	in.t.Helper()
	k := &keyring{in: in, ann: person{email: testkit.Email()}, bob: person{email: testkit.Email()}, live: map[string]string{}, logout: map[string]string{}, session: map[string]string{}}
	k.ann.id, k.bob.id = in.register(k.ann.email), in.register(k.bob.email)
	for _, name := range []string{"A cookie", "B token", "C token", "X cookie", "Y token"} {
		k.make(name)
	}
	return k
}

// make signs in and begins a logout.
func (k *keyring) make(name string) {
	k.in.t.Helper()
	email := k.ann.email
	if name[0] >= 'X' {
		email = k.bob.email
	}
	if strings.HasSuffix(name, "token") {
		k.live[name], k.session[name] = k.in.login(email)
		k.logout[name] = k.in.call("GET", k.in.public+"/self-service/logout/browser", nil, "X-Session-Token", k.live[name]).expect(k.in.t, 200).text(k.in.t, "logout_token")
		return
	}
	b := k.in.browser()
	k.session[name] = b.enter(email).text(k.in.t, "session.id")
	k.live[name] = b.cookie()
	_, k.logout[name] = b.leaving("")
}

// active are the names of the sessions that live, as the administrator sees them.
func (k *keyring) active() (names []string) {
	k.in.t.Helper()
	alive := map[string]bool{}
	for _, who := range []person{k.ann, k.bob} {
		for _, s := range k.in.call("GET", k.in.admin+"/admin/identities/"+who.id+"/sessions?active=true", nil).expect(k.in.t, 200).list(k.in.t) {
			alive[s["id"].(string)] = true
		}
	}
	for name, id := range k.session {
		if alive[id] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stands says which session a set of credentials stands for, by section 0.2 of the contract.
func stands(cookie, header, bearer string) string {
	switch {
	case header != "":
		return map[string]string{"B token": header, "Y token": header}[header]
	case cookie == "A cookie" || cookie == "X cookie":
		return cookie
	case cookie == "dead cookie":
		return ""
	}
	return map[string]string{"C token": bearer}[bearer]
}

// TestEveryPairingOfCredentials signs out with every mixture of them and every logout token: what was checked ends, and
// nothing else does.
func TestEveryPairingOfCredentials(t *testing.T) {
	t.Parallel()
	cookies := []string{"", "A cookie", "X cookie", "dead cookie", "junk", "B token"}
	headers := []string{"", "B token", "Y token", "dead token", "A cookie"}
	bearers := []string{"", "C token", "dead token"}
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		k := in.keyring()
		k.live["dead cookie"], k.live["dead token"], k.live["junk"] = "ory_sc_"+strings.Repeat("A", 32), "ory_st_"+strings.Repeat("A", 32), "junk"
		all := slices.Sorted(maps.Keys(k.session))
		tried := 0
		for _, cookie := range cookies {
			for _, header := range headers {
				for _, bearer := range bearers {
					sent := []string{"Accept", asJSON}
					if cookie != "" {
						sent = append(sent, "Cookie", carrying(k.live[cookie]))
					}
					if header != "" {
						sent = append(sent, "X-Session-Token", k.live[header])
					}
					if bearer != "" {
						sent = append(sent, "Authorization", "Bearer "+k.live[bearer])
					}
					caller := stands(cookie, header, bearer)
					for i, name := range all {
						tried++
						what := fmt.Sprintf("cookie %q, X-Session-Token %q, Bearer %q, logout token of %q", cookie, header, bearer, name)
						method, address, body := "GET", in.public+"/self-service/logout?token="+k.logout[name], any(nil)
						if (tried+i)%2 == 0 {
							method, address, body = "POST", in.public+"/self-service/logout", object{"token": k.logout[name]}
						}
						want, status := all, 403
						switch caller {
						case "":
							status = 401
						case name:
							status, want = 204, slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == name })
						}
						if a := in.call(method, address, body, sent...); a.status != status {
							t.Errorf("%s: %d, want %d: %s", what, a.status, status, a.body)
						}
						if got := k.active(); !slices.Equal(got, want) {
							t.Fatalf("%s: %q live on, want %q", what, got, want)
						}
						if status != 204 {
							continue
						}
						k.make(name)
						for j := 0; j+1 < len(sent); j += 2 { // what was ended is sent no more
							switch sent[j] {
							case "Cookie":
								sent[j+1] = carrying(k.live[cookie])
							case "X-Session-Token":
								sent[j+1] = k.live[header]
							case "Authorization":
								sent[j+1] = "Bearer " + k.live[bearer]
							}
						}
					}
				}
			}
		}
		if tried != 6*5*3*5 {
			t.Errorf("%d pairings", tried)
		}
	})
}

func TestAttacksOnBrowsers(t *testing.T) {
	t.Parallel()
	const submit = "/self-service/logout"
	contract(t, "", []row{
		{"native logout ends the session in its body, whatever else is sent", func(t *testing.T, in *instance) {
			k := in.keyring()
			in.native(object{"session_token": k.live["C token"]}, "Cookie", carrying(k.live["A cookie"]), "X-Session-Token", k.live["B token"], "Authorization", "Bearer "+k.live["Y token"]).expect(t, 204)
			if got := k.active(); !slices.Equal(got, []string{"A cookie", "B token", "X cookie", "Y token"}) {
				t.Errorf("%q live on", got)
			}
		}},
		{"ids, hashes and logout tokens are no cookies", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			_, token := b.leaving("")
			for _, value := range []string{p.session, p.id, p.email, token, strings.TrimPrefix(b.cookie(), "ory_sc_"), strings.ToLower(b.cookie()) + "A", "ory_st_" + b.cookie()[7:], b.held(in.csrfName())} {
				in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(value)).refused(t, 401, "session_inactive")
				in.native(object{"session_token": value}).refused(t, 403, "session_token_unknown")
			}
			in.native(object{"session_token": b.cookie()}).refused(t, 403, "session_token_unknown")
			in.alive(b.cookie())
		}},
		{"somebody else's sessions can neither be ended nor told from none", func(t *testing.T, in *instance) {
			k := in.keyring()
			all := k.active()
			for name := range k.session {
				if name[0] < 'X' {
					in.call("DELETE", in.public+"/sessions/"+k.session[name], nil, "Cookie", carrying(k.live["X cookie"])).expect(t, 204).emptyJSON(t)
					in.call("DELETE", in.public+"/sessions/"+k.session[name], nil, "X-Session-Token", k.live["Y token"]).expect(t, 204).emptyJSON(t)
					in.call("DELETE", in.public+"/sessions/"+k.session[name], nil).refused(t, 401, "session_inactive")
				}
			}
			if got := k.active(); !slices.Equal(got, all) {
				t.Errorf("%q live on", got)
			}
			in.call("DELETE", in.public+"/sessions", nil, "Cookie", carrying(k.live["X cookie"])).expect(t, 200).is(t, "count", 1)
			if got := k.active(); !slices.Equal(got, []string{"A cookie", "B token", "C token", "X cookie"}) {
				t.Errorf("%q live on", got)
			}
		}},
		{"one's other sessions end by id, and the current one does not", func(t *testing.T, in *instance) {
			k := in.keyring()
			at := in.public + "/sessions/"
			in.call("DELETE", at+k.session["B token"], nil, "Cookie", carrying(k.live["A cookie"])).expect(t, 204).emptyJSON(t)
			in.call("DELETE", at+k.session["B token"], nil, "Cookie", carrying(k.live["A cookie"])).expect(t, 204)
			in.call("DELETE", at+k.session["A cookie"], nil, "Cookie", carrying(k.live["A cookie"])).refused(t, 400, "session_is_current")
			in.call("DELETE", at+"nope", nil, "Cookie", carrying(k.live["A cookie"])).refused(t, 400, "bad_uuid")
			if got := k.active(); !slices.Equal(got, []string{"A cookie", "C token", "X cookie", "Y token"}) {
				t.Errorf("%q live on", got)
			}
		}},
		{"ending one's other sessions counts what it has ended (W12)", func(t *testing.T, in *instance) {
			k := in.keyring()
			for _, want := range []int{2, 0, 0} {
				in.call("DELETE", in.public+"/sessions", nil, "Cookie", carrying(k.live["A cookie"])).expect(t, 200).is(t, "count", want)
			}
			in.call("DELETE", in.public+"/sessions", nil).refused(t, 401, "session_inactive")
		}},
		{"without a cookie there is nothing that a page of another origin could abuse", func(t *testing.T, in *instance) {
			k := in.keyring()
			in.call("DELETE", in.public+"/sessions", nil, "X-Session-Token", k.live["B token"], "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").expect(t, 200).is(t, "count", 2)
			in.native(object{"session_token": k.live["B token"]}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").expect(t, 204)
			if got := k.active(); !slices.Equal(got, []string{"X cookie", "Y token"}) {
				t.Errorf("%q live on", got)
			}
		}},
		{"a page of ours that hides its origin is still ours", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			b.post(submit, url.Values{"token": {token}}, "Origin", "null", "Sec-Fetch-Site", "same-origin").sets(t, removed, guard).to(t, 303)
		}},
		{"tokens of any length end nothing", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			for _, long := range []string{token + token, token + strings.Repeat("A", 20000), strings.Repeat("A", 900000), strings.Repeat(token, 5000)} {
				b.send(submit, object{"token": long}).refused(t, 403, "logout_token_mismatch")
				b.send(submit, "token="+long, "Content-Type", "application/x-www-form-urlencoded").refused(t, 403, "logout_token_mismatch")
				b.ask(submit+"?token="+long).refused(t, 403, "logout_token_mismatch")
			}
			b.send(submit, object{"token": strings.Repeat("A", 1<<20)}).refused(t, 413, "body_too_large")
			in.alive(b.cookie())
		}},
		{"no line break gets into a header", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			for _, bad := range []string{"%0d%0aX-Evil:%201", "%0aSet-Cookie:%20a=b", "%e5%98%8a%e5%98%8dX-Evil:%201", "%00"} {
				for _, path := range []string{submit + "?token=" + bad, submit + "?return_to=/" + bad, "/self-service/logout/browser?return_to=" + bad, loginInit + "?return_to=" + bad, loginInit + "?aal=" + bad, loginInit + "?organization=" + bad,
					loginInit + "?identity_schema=" + bad, "/self-service/errors?id=" + bad, "/ui/login?flow=" + bad + "&return_to=" + bad + "&refresh=" + bad, "/ui/logout?return_to=" + bad, "/ui/error?id=" + bad, "/ui/assets/" + bad, address[len(in.public):] + "&return_to=/" + bad + "&return_to=" + bad} {
					a := b.page(path)
					if a.header["X-Evil"] != nil || strings.Contains(strings.Join(a.header["Set-Cookie"], "\n"), "a=b") || a.status >= 500 {
						t.Errorf("%s: %d %v", path, a.status, a.header)
					}
				}
			}
			in.alive(b.cookie())
		}},
		{"the built-in page ends other sessions for its own form alone", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			other, _ := in.login(p.email)
			address := in.public + "/ui/"
			alien, _ := in.visitor()
			own := tokenOnPage(b.page("/ui/").expect(t, 200))
			for name, a := range map[string]answer{
				"no token":             in.shown(b.post("/ui/", url.Values{}), "security_csrf_violation"),
				"another one's token":  in.shown(b.post("/ui/", url.Values{"csrf_token": {tokenOnPage(alien.page("/ui/"))}}), "security_csrf_violation"),
				"the token as JSON":    in.shown(b.call("POST", address, object{"csrf_token": own}, "Accept", asPage), "security_csrf_violation"),
				"the token in a query": in.shown(b.post("/ui/?csrf_token="+url.QueryEscape(own), url.Values{}), "security_csrf_violation"),
				"the token twice":      in.shown(b.call("POST", address, "csrf_token="+url.QueryEscape(own)+"&csrf_token=x", "Content-Type", "application/x-www-form-urlencoded"), "form_malformed"),
				"from elsewhere":       b.post("/ui/", url.Values{"csrf_token": {own}}, "Origin", "https://evil.example").refused(t, 403, "security_csrf_violation"),
			} {
				if in.whoami(other).status != 200 || a.header["Set-Cookie"] != nil {
					t.Errorf("%s: %v", name, a.header)
				}
			}
			b.post("/ui/", url.Values{"csrf_token": {own}}, "Origin", in.public).expect(t, 200)
			in.whoami(other).refused(t, 401, "session_inactive")
			in.alive(b.cookie())
			in.alive(alien.cookie())
		}},
		{"a logout that races with refreshes, extends and checks is final", func(t *testing.T, in *instance) {
			for range 5 {
				b, p := in.visitor()
				cookie := b.cookie()
				f := b.ask(loginInit+"?refresh=true").expect(t, 200)
				address, _ := b.leaving("")
				own := []string{"Accept", asJSON, "Cookie", carrying(cookie) + "; " + in.csrfName() + "=" + b.held(in.csrfName())}
				together(8, func(i int) int {
					switch {
					case i < 3:
						return in.call("POST", in.act(f), typed(f, p.email, passphrase, t), own...).status
					case i < 5:
						return in.extend(p.session).status
					case i == 5:
						return in.call("GET", in.public+"/sessions/whoami", nil, own...).status
					}
					return in.call("GET", address, nil, own...).expect(t, 204).status
				})
				in.gone(cookie)
				in.extend(p.session).expect(t, 404)
				if n := in.ends(p.session); n != 1 {
					t.Errorf("it has ended %d times", n)
				}
			}
		}},
		{"of six sign-ins with one form at once, each has a session of its own", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email)
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			own := []string{"Accept", asJSON, "Cookie", in.csrfName() + "=" + b.held(in.csrfName())}
			if got := together(6, func(int) int { return in.call("POST", in.act(f), typed(f, email, passphrase, t), own...).status }); !slices.Equal(got, []int{200, 200, 200, 200, 200, 200}) {
				t.Errorf("%v", got)
			}
			if n := len(in.sessionsOf(id)); n != 6 {
				t.Errorf("%d sessions", n)
			}
		}},
	})
}

// tokenOnPage is the anti-forgery token in the form of a built-in page.
func tokenOnPage(a answer) string {
	_, rest, _ := strings.Cut(a.body, `name="csrf_token" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return strings.NewReplacer("&#43;", "+", "&#61;", "=").Replace(value)
}

// TestPagesOfOthersCanCauseNothing sends everything that changes something, as a page of another site would.
func TestPagesOfOthersCanCauseNothing(t *testing.T) {
	t.Parallel()
	// Submissions of native flows refuse Origin and cookies on the form; that is a row of section 1.5 of the flows.
	exempt := map[string]string{
		"* /sessions/whoami":              "changes nothing, whatever the method",
		"DELETE /self-service/logout/api": "looks at no cookie",
		"HEAD /self-service/logout":       "is refused",
		"HEAD /self-service/settings":     "is refused",
		"HEAD /sessions/token-exchange":   "is refused",
	}
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		b, p := in.visitor()
		other, otherID := in.login(p.email)
		_, token := b.leaving("")
		fresh := in.browser()
		flows := map[string]answer{"login": fresh.ask(loginInit).expect(t, 200), "registration": fresh.ask(registrationInit).expect(t, 200),
			"settings": b.ask("/self-service/settings/browser").expect(t, 200)}
		sent := 0
		for _, route := range routes(t) {
			method, pattern, _ := strings.Cut(route, " ")
			if strings.HasPrefix(pattern, "/admin/") || method == "GET" || exempt[route] != "" {
				continue
			}
			who, path, body := b, strings.NewReplacer("{$}", "", "{id}", otherID).Replace(pattern), any(object{"token": token})
			if kind := strings.TrimPrefix(pattern, "/self-service/"); flows[kind].status != 0 {
				f := flows[kind]
				if kind != "settings" {
					who = fresh
				}
				path = "/self-service/" + kind + "?flow=" + f.text(t, "id")
				body = object{"method": "password", "identifier": p.email, "password": passphrase, "traits": object{"email": testkit.Email()}, "csrf_token": f.csrf(t)}
			}
			if pattern == "/ui/{$}" {
				body = "csrf_token=" + url.QueryEscape(tokenOnPage(b.page("/ui/").expect(t, 200)))
			}
			for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:1"},
				{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Origin", "null", "Accept", asJSON}} {
				if pattern == "/ui/{$}" {
					header = append(header, "Content-Type", "application/x-www-form-urlencoded")
				}
				sent++
				who.call(method, in.public+path, body, header...).refused(t, 403, "security_csrf_violation").sets(t)
			}
		}
		if sent < 6*7 {
			t.Errorf("%d requests: there are more routes than that", sent)
		}
		for _, route := range routes(t) { // and what is safe is safe
			method, pattern, _ := strings.Cut(route, " ")
			if method != "GET" || strings.HasPrefix(pattern, "/admin/") {
				continue
			}
			path := strings.NewReplacer("{$}", "", "{id}", otherID, "{name}", "x").Replace(pattern)
			if pattern == "/self-service/logout" {
				path += "?token=" + token
			}
			for _, method := range []string{"GET", "HEAD"} {
				b.call(method, in.public+path, nil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", asPage)
			}
		}
		in.whoami(other).expect(t, 200)
		b.ask("/sessions/whoami").expect(t, 200).is(t, "id", p.session)
		if n := len(in.sessionsOf(p.id)); n != 2 {
			t.Errorf("%d sessions", n)
		}
		for _, origin := range []string{"", in.public} { // the same requests from where they belong do what they say
			b.call("DELETE", in.public+"/sessions/"+otherID, nil, "Origin", origin).expect(t, 204)
		}
		in.whoami(other).expect(t, 401)
	})
}

// TestKeysOfOtherTimes restarts one server with other secrets.
func TestKeysOfOtherTimes(t *testing.T) {
	t.Parallel()
	const old, young = "the secret of last year, twice", "the secret of this year, once"
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			first := start(t, dsn, fmt.Sprintf("secrets: {default: [%q]}\n", old))
			a, _ := first.visitor()
			b, _ := first.visitor()
			cookies := []string{a.cookie(), b.cookie()}
			_, tokenA := a.leaving("")
			_, tokenB := b.leaving("")
			_, failed, _ := strings.Cut(first.call("GET", first.public+"/self-service/logout/browser", nil, "Accept", asPage).to(t, 303), "?id=")
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			rotated := start(t, dsn, fmt.Sprintf("secrets: {default: [%q, %q]}\n", young, old))
			t.Run("what an old key has made works while the key is listed", func(t *testing.T) {
				in := rotated.on(t)
				in.alive(cookies[0])
				in.call("GET", in.public+"/self-service/errors?id="+failed, nil).expect(t, 200)
				in.call("GET", in.public+"/self-service/logout?token="+tokenA, nil, "Accept", asJSON, "Cookie", carrying(cookies[0])).expect(t, 204)
				in.gone(cookies[0])
			})
			if err := rotated.stop(); err != nil {
				t.Fatal(err)
			}
			renewed := start(t, dsn, fmt.Sprintf("secrets: {default: [%q]}\n", young))
			t.Run("and is refused when it is not, but nobody is signed out by that", func(t *testing.T) {
				in := renewed.on(t)
				in.call("GET", in.public+"/self-service/errors?id="+failed, nil).refused(t, 404, "error_not_found")
				in.call("GET", in.public+"/self-service/logout?token="+tokenB, nil, "Accept", asJSON, "Cookie", carrying(cookies[1])).refused(t, 403, "logout_token_mismatch").sets(t)
				in.alive(cookies[1])
				again := in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asJSON, "Cookie", carrying(cookies[1])).expect(t, 200)
				in.call("GET", again.text(t, "logout_url"), nil, "Accept", asJSON, "Cookie", carrying(cookies[1])).expect(t, 204)
				in.gone(cookies[1])
				in.gone(cookies[0])
			})
		})
	}
}
