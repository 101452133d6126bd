package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

func TestContractCookieCredentials(t *testing.T) {
	t.Parallel()
	unknown := "ory_sc_" + strings.Repeat("A", 32)
	var rows []row
	// Each row sends a cookie of person A, a token of person B, or what it makes of them, and says whose session counts.
	add := func(name, whose string, swept bool, header func(a, b string) []string) {
		rows = append(rows, row{"sessions 0.2: " + name, func(t *testing.T, in *instance) {
			v, a := in.visitor()
			b := in.person()
			sent := header(v.cookie(), b.token)
			sessions := map[string]string{"A": a.session, "B": b.session}
			who, init := in.call("GET", in.public+"/sessions/whoami", nil, sent...), in.call("GET", in.public+"/self-service/logout/browser", nil, append(sent, "Accept", asJSON)...)
			var lines []string
			if swept {
				lines = []string{removed}
			}
			if whose == "" {
				who.refused(t, 401, "session_inactive").sets(t, lines...)
				init.refused(t, 401, "session_inactive").sets(t, lines...)
			} else {
				who.expect(t, 200).is(t, "id", sessions[whose]).sets(t, lines...)
				init.expect(t, 200).sets(t, append(lines, guard)...)
			}
			in.alive(v.cookie())
			in.whoami(b.token).expect(t, 200)
		}})
	}
	add("a cookie alone", "A", false, func(a, _ string) []string { return []string{"Cookie", carrying(a)} })
	add("a quoted cookie", "A", false, func(a, _ string) []string { return []string{"Cookie", carrying(`"` + a + `"`)} })
	add("a cookie among others", "A", false, func(a, _ string) []string { return []string{"Cookie", "x=1; " + carrying(a) + "; y"} })
	add("X-Session-Token goes before the cookie", "B", false, func(a, b string) []string {
		return []string{"Cookie", carrying(a), "X-Session-Token", b}
	})
	add("the cookie goes before a bearer token", "A", false, func(a, b string) []string {
		return []string{"Cookie", carrying(a), "Authorization", "Bearer " + b}
	})
	add("a wrong X-Session-Token is final, and the cookie stays", "", false, func(a, _ string) []string {
		return []string{"Cookie", carrying(a), "X-Session-Token", "bogus"}
	})
	add("an empty X-Session-Token is none", "A", false, func(a, _ string) []string {
		return []string{"Cookie", carrying(a), "X-Session-Token", " "}
	})
	add("junk in the cookie leaves the bearer token, and is removed (W6)", "B", true, func(_, b string) []string {
		return []string{"Cookie", carrying("junk"), "Authorization", "Bearer " + b}
	})
	add("a dead cookie does not, as a client of two minds has to decide", "", true, func(_, b string) []string {
		return []string{"Cookie", carrying(unknown), "Authorization", "Bearer " + b}
	})
	add("a dead cookie before a live one takes nothing from it", "A", false, func(a, _ string) []string {
		return []string{"Cookie", carrying(unknown, a)}
	})
	add("junk before a live one neither", "A", false, func(a, _ string) []string { return []string{"Cookie", carrying("junk", "", a)} })
	add("a live cookie behind thirty dead ones", "A", false, func(a, _ string) []string {
		return []string{"Cookie", carrying(append(slices.Repeat([]string{unknown}, 30), a)...)}
	})
	add("a session token is no cookie", "", true, func(_, b string) []string { return []string{"Cookie", carrying(b)} })
	add("a cookie is no session token", "", false, func(a, _ string) []string { return []string{"X-Session-Token", a} })
	add("a cookie is no bearer token", "", false, func(a, _ string) []string { return []string{"Authorization", "Bearer " + a} })
	add("a cookie without its name (D11)", "", false, func(a, _ string) []string { return []string{"Cookie", a} })
	add("a cookie with its name in other letters", "", false, func(a, _ string) []string { return []string{"Cookie", "Ory_Kratos_Session=" + a} })
	add("a cookie that is cut", "", true, func(a, _ string) []string { return []string{"Cookie", carrying(a[:len(a)-12])} })
	add("a cookie that is doubled", "", true, func(a, _ string) []string { return []string{"Cookie", carrying(a + a)} })
	add("a cookie of 20 kB", "", true, func(string, string) []string { return []string{"Cookie", carrying(strings.Repeat("A", 20000))} })
	rows = append(rows, row{"sessions 0.2: more cookies than can be looked up are no sign-out", func(t *testing.T, in *instance) {
		b, _ := in.visitor()
		many := carrying(append(slices.Repeat([]string{unknown}, 32), b.cookie())...)
		in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", many).refused(t, 400, "session_cookies_too_many").sets(t)
	}})
	rows = append(rows, row{"sessions 0.2: of two live cookies the first counts", func(t *testing.T, in *instance) {
		v, a := in.visitor()
		w, b := in.visitor()
		in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(v.cookie(), w.cookie())).expect(t, 200).is(t, "id", a.session)
		in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(w.cookie(), v.cookie())).expect(t, 200).is(t, "id", b.session)
	}})
	contract(t, "", rows)
}

func TestContractSessionCookie(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions 6.1: the cookie of a sign-in", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			b.enter(email).sets(t, issued, guard)
		}},
		{"sessions 3.5: whoami gives the browser the new end after an extension, until it is stored", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			old := b.cookie()
			b.ask("/sessions/whoami").expect(t, 200).sets(t)
			in.extend(p.session).expect(t, 204)
			for _, method := range []string{"GET", "HEAD", "POST"} {
				in.call(method, in.public+"/sessions/whoami", nil, "Cookie", carrying(old)).expect(t, 200).sets(t, issued)
			}
			b.ask("/sessions/whoami").expect(t, 200).sets(t, issued)
			if token, _, _ := strings.Cut(old, "."); b.cookie() == old || !strings.HasPrefix(b.cookie(), token) {
				t.Errorf("%q became %q", old, b.cookie())
			}
			b.ask("/sessions/whoami").expect(t, 200).sets(t) // it is stored
			in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(old)).expect(t, 200)
			b.ask("/self-service/logout/browser").expect(t, 200).sets(t)
			b.page("/ui/").expect(t, 200).sets(t)
		}},
		{"sessions 3.5: clients with tokens never get a cookie", func(t *testing.T, in *instance) {
			p := in.person()
			in.extend(p.session).expect(t, 204)
			in.whoami(p.token).expect(t, 200).sets(t)
			b, q := in.visitor()
			in.extend(q.session).expect(t, 204)
			in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", p.token, "Cookie", carrying(b.cookie())).expect(t, 200).is(t, "id", p.session).sets(t)
		}},
		{"sessions W25: whoami removes a cookie that stands for nobody", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			cookie := b.cookie()
			in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
			b.ask("/sessions/whoami").refused(t, 401, "session_inactive").sets(t, removed)
			if b.cookie() != "" {
				t.Error("the browser still holds it")
			}
			in.gone(cookie)
		}},
		{"sessions D20: native logout does not touch cookies", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, _ := in.login(p.email)
			b.call("DELETE", in.public+"/self-service/logout/api", object{"session_token": token}).expect(t, 204).sets(t)
			b.call("DELETE", in.public+"/self-service/logout/api", object{"session_token": b.cookie()}).refused(t, 403, "session_token_unknown").sets(t)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	})
}

func TestContractCookieSettings(t *testing.T) {
	t.Parallel()
	const day = `Expires=[^;]+; Max-Age=(8639[0-9]|86400); HttpOnly`
	const token, csrf = `ory_sc_[A-Za-z0-9]{32}(\.[0-9a-z]{10})?`, `csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=`
	for _, c := range []struct {
		name, base, extra        string
		session, forgery, sweeps string
	}{
		{"on https they are Secure", "https://id.example/", "",
			`ory_kratos_session=` + token + `; Path=/; ` + day + `; Secure; SameSite=Lax`, csrf + `; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax`,
			`ory_kratos_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax`},
		{"with dev they are not", "https://id.example/", "dev: true\n",
			`ory_kratos_session=` + token + `; Path=/; ` + day + `; SameSite=Lax`, csrf + `; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`,
			`ory_kratos_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax`},
		{"all attributes", "https://id.example/base/", "cookies: {domain: id.example, path: /base, same_site: Strict}\n",
			`ory_kratos_session=` + token + `; Path=/base; Domain=id.example; ` + day + `; Secure; SameSite=Strict`, csrf + `; Path=/base; Domain=id.example; Max-Age=31536000; HttpOnly; Secure; SameSite=Strict`,
			`ory_kratos_session=; Path=/base; Domain=id.example; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Strict`},
		{"a name and attributes of its own", "https://id.example/", "session: {cookie: {name: __Host-sid, same_site: None}}\n",
			`__Host-sid=` + token + `; Path=/; ` + day + `; Secure; SameSite=None`, csrf + `; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax`,
			`__Host-sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=None`},
		{"until the browser is closed", "https://id.example/", "session: {cookie: {persistent: false}}\n",
			`ory_kratos_session=` + token + `; Path=/; HttpOnly; Secure; SameSite=Lax`, csrf + `; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax`,
			`ory_kratos_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax`},
	} {
		t.Run("sessions 6.1: "+c.name, func(t *testing.T) {
			t.Parallel()
			in := startAt(t, testkit.File(t), c.base, c.extra)
			email := testkit.Email()
			in.register(email)
			f := in.call("GET", in.public+"/self-service/login/browser", nil, "Accept", asJSON).expect(t, 200).sets(t, c.forgery)
			name, value, _ := strings.Cut(f.header["Set-Cookie"][0], "=")
			value, _, _ = strings.Cut(value, ";")
			cookies := name + "=" + value
			a := in.call("POST", in.act(f), object{"method": "password", "identifier": email, "password": passphrase, "csrf_token": f.csrf(t)}, "Accept", asJSON, "Cookie", cookies).expect(t, 200)
			a.sets(t, c.session, c.forgery)
			own := regexp.MustCompile(`\w+=` + token).FindString(strings.Join(a.header["Set-Cookie"], "\n"))
			if strings.HasPrefix(c.session, "__Host-") {
				own = "__Host-" + own
			}
			in.extend(a.text(t, "session.id")).expect(t, 204)
			again := in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", own).expect(t, 200)
			if strings.Contains(c.extra, "persistent") {
				again.sets(t)
			} else {
				again.sets(t, c.session)
			}
			out := in.call("GET", in.public+"/self-service/logout/browser", nil, "Cookie", own, "Accept", asJSON).expect(t, 200).sets(t, c.forgery)
			gone := []string{c.sweeps, c.forgery}
			if strings.Contains(c.sweeps, "Domain=") {
				gone = append(gone, strings.Replace(c.sweeps, "Domain=id.example; ", "", 1))
			}
			in.call("GET", in.public+"/self-service/logout?token="+out.text(t, "logout_token"), nil, "Cookie", own, "Accept", asJSON).expect(t, 204).sets(t, gone...)
		})
	}
}

func TestContractCookiesOfOtherTimes(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			first := start(t, dsn, "session: {lifespan: 24h}\n")
			b, p := first.visitor()
			cookie := b.cookie()
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, "session: {lifespan: 1h, cookie: {name: sid, previous_names: [ory_kratos_session, older]}}\n")
			t.Run("sessions 6.1, W8: a cookie lives as long as its session, whatever is configured since", func(t *testing.T) {
				in.on(t).call("GET", in.public+"/sessions/whoami", nil, "Cookie", "sid="+cookie).expect(t, 200).is(t, "id", p.session).sets(t)
			})
			t.Run("sessions 6.1: a cookie of a former name is read, and moves to the new one", func(t *testing.T) {
				moved := strings.ReplaceAll(issued, "ory_kratos_session", "sid")
				in.on(t).call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).expect(t, 200).is(t, "id", p.session).sets(t, removed, moved)
				in.on(t).call("GET", in.public+"/self-service/logout/browser", nil, "Cookie", "older="+cookie).expect(t, 200).sets(t, strings.Replace(removed, "ory_kratos_session", "older", 1), moved, guard)
			})
			t.Run("sessions 6.1: a token that was replaced does not move to the new name, where its successor is by now", func(t *testing.T) {
				b := in.on(t).browser()
				b.enter(p.email)
				old := b.held("sid")
				f := b.ask("/self-service/login/browser?refresh=true").expect(t, 200)
				b.send(b.act(f), typed(f, p.email, passphrase, t)).expect(t, 200)
				in.on(t).call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(old)).expect(t, 200).sets(t)
			})
			t.Run("sessions 6.1: cookies of all names go with the session", func(t *testing.T) {
				in := in.on(t)
				token := in.call("GET", in.public+"/self-service/logout/browser", nil, "Cookie", "sid="+cookie).expect(t, 200).text(t, "logout_token")
				all := []string{removed, strings.Replace(removed, "ory_kratos_session", "sid", 1), strings.Replace(removed, "ory_kratos_session", "older", 1), guard}
				in.call("GET", in.public+"/self-service/logout?token="+token, nil, "Cookie", carrying(cookie), "Accept", asJSON).expect(t, 204).sets(t, all...)
				in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).refused(t, 401, "session_inactive").sets(t, all[:3]...)
			})
		})
	}
}

func TestContractCookiesThatAreToGoWithTheBrowser(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			first := start(t, dsn, "session: {lifespan: 1h}\n")
			b, p := first.visitor()
			cookie := b.cookie()
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, "session: {lifespan: 48h, sliding: true, remember_me: {lifespan: 720h}}\n")
			token, _, _ := strings.Cut(cookie, ".")
			for sent, sets := range map[string][]string{cookie: {"ory_kratos_session=" + token + "; Path=/; HttpOnly; SameSite=Lax"}, token: nil} {
				in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(sent)).expect(t, 200).is(t, "id", p.session).sets(t, sets...)
			}
		})
	}
}

func TestContractAntiForgeryCookie(t *testing.T) {
	t.Parallel()
	login := func(b *browser, email string) (answer, object) {
		f := b.ask("/self-service/login/browser").expect(b.t, 200)
		return f, object{"method": "password", "identifier": email, "password": passphrase, "csrf_token": f.csrf(b.t)}
	}
	var rows []row
	for _, path := range []string{"/self-service/login/browser", "/self-service/registration/browser", "/self-service/errors"} {
		rows = append(rows, row{"sessions 6.2: GET " + path + " sets it where it is missing, broken or cut", func(t *testing.T, in *instance) {
			path := path
			if strings.HasSuffix(path, "/errors") {
				to := in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asPage).to(t, 303)
				path += to[strings.Index(to, "?"):]
			}
			for _, cookie := range []string{"", "x=1", in.csrfName() + "=", in.csrfName() + "=junk", in.csrfName() + "=" + strings.Repeat("A", 42) + "=", in.csrfName() + "=" + strings.Repeat("A", 87) + "="} {
				for _, accept := range []string{asJSON, asPage} {
					a := in.call("GET", in.public+path, nil, "Accept", accept, "Cookie", cookie).sets(t, guard)
					if !strings.HasPrefix(a.header["Set-Cookie"][0], in.csrfName()+"=") {
						t.Errorf("another name: %q", a.header["Set-Cookie"])
					}
				}
			}
			whole := in.csrfName() + "=" + strings.Repeat("A", 43) + "="
			in.call("GET", in.public+path, nil, "Accept", asJSON, "Cookie", whole).expect(t, 200).sets(t)
			in.call("GET", in.public+path, nil, "Accept", asJSON, "Cookie", whole+"; "+whole).expect(t, 200).sets(t)
		}})
	}
	rows = append(rows,
		row{"sessions 6.2: nothing else sets it", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "").expect(t, 200).sets(t)
			for _, path := range []string{"/sessions/whoami", "/nope", "/health/alive", "/schemas", "/self-service/registration/api", "/self-service/login/flows?id=" + f.text(t, "id"), "/self-service/login/flows?id=x",
				"/self-service/errors?id=x", "/ui/login", "/ui/signed-out", "/ui/error?id=stub:500", "/self-service/logout?token=x", "/self-service/logout/browser"} {
				in.call("GET", in.public+path, nil).sets(t)
			}
			in.call("POST", in.public+"/nope", object{}).refused(t, 404, "route_not_found").sets(t)
			in.logout(p.token).expect(t, 204).sets(t)
		}},
		row{"sessions 6.2: each form has another token, and all of one cookie work", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f, body := login(b, email)
			again := b.ask("/self-service/login/flows?id="+f.text(t, "id")).expect(t, 200)
			if again.csrf(t) == f.csrf(t) || len(f.csrf(t)) != 88 {
				t.Errorf("%q and %q", f.csrf(t), again.csrf(t))
			}
			for _, raw := range []string{b.held(in.csrfName()), "", "x", strings.Repeat("A", 88), f.csrf(t)[:87], f.csrf(t) + "A"} {
				body["csrf_token"] = raw
				b.send(in.act(f), body).refused(t, 403, "security_csrf_violation").sets(t)
			}
			other, _ := login(b, email)
			body["csrf_token"] = other.csrf(t) // of another form of this browser
			b.send(in.act(f), body).expect(t, 200)
		}},
		row{"sessions 6.2: the header X-CSRF-Token is not read", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			f, body := login(b, "x@example.org")
			delete(body, "csrf_token")
			b.send(in.act(f), body, "X-CSRF-Token", f.csrf(t)).refused(t, 403, "security_csrf_violation")
		}},
		row{"sessions 6.2: of two cookies, the one that the form belongs to counts", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b, alien := in.browser(), in.browser()
			f, body := login(b, email)
			login(alien, email)
			name := in.csrfName()
			tossed := name + "=" + alien.held(name) + "; " + name + "=" + b.held(name)
			in.call("POST", in.act(f), body, "Accept", asJSON, "Cookie", tossed).expect(t, 200).sets(t, issued, guard)
		}},
		row{"sessions 6.2: a sign-in and a logout give a new one, and forms from before are refused", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			stale, old := login(b, email)
			before := b.held(in.csrfName())
			b.enter(email)
			signedIn := b.held(in.csrfName())
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			if after := b.held(in.csrfName()); before == signedIn || signedIn == after || after == "" {
				t.Error("it stays the same")
			}
			b.send(in.act(stale), old).refused(t, 403, "security_csrf_violation")
		}},
		row{"sessions 6.2: a refresh does not give a new one", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.ask("/self-service/login/browser?refresh=true").expect(t, 200)
			a := b.send(in.act(f), object{"method": "password", "identifier": p.email, "password": passphrase, "csrf_token": f.csrf(t)}).expect(t, 200)
			a.sets(t, issued).is(t, "session.id", p.session)
		}},
		row{"sessions 6.2: of the hundred forms of a browser, one that was refused leaves the others alone", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f, body := login(b, email)
			b.send(in.act(f), object{"method": "password", "csrf_token": "x"}).refused(t, 403, "security_csrf_violation").sets(t)
			b.post(in.act(f), url.Values{"method": {"password"}}).sets(t)
			b.send(in.act(f), body).expect(t, 200)
		}},
	)
	for _, c := range []struct{ name, cookie, reason, hint string }{
		{"no Cookie header", "", "empty or not set", "server"},
		{"a Cookie header without it", "x=1", "did not include", "server"},
		{"the cookie of another browser", "alien", "do not match", "server"},
		{"a script", "x=1", "did not include", "script"},
		{"the cookie and a wrong token", "own", "do not match", "server"},
		{"the cookie and no token in a form", "own form", "", "no field csrf_token"},
	} {
		rows = append(rows, row{"sessions 6.2: what is told of " + c.name, func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask("/self-service/login/browser").expect(t, 200)
			name := in.csrfName()
			cookie := map[string]string{"alien": name + "=" + strings.Repeat("A", 43) + "=", "own": name + "=" + b.held(name), "own form": name + "=" + b.held(name)}[c.cookie]
			if cookie == "" {
				cookie = c.cookie
			}
			header := []string{"Cookie", cookie, "Accept", asJSON}
			body := any(object{"method": "password", "csrf_token": strings.Repeat("A", 88)})
			if c.hint == "script" {
				header = append(header, "Sec-Fetch-Mode", "cors")
			}
			if c.cookie == "own form" {
				header, body = append(header, "Content-Type", "application/x-www-form-urlencoded"), "method=password"
			}
			a := in.call("POST", in.act(f), body, header...).refused(t, 403, "security_csrf_violation").sets(t)
			reason, hint := a.text(t, "error.details.reject_reason"), a.text(t, "error.details.hint")
			if !strings.Contains(reason, c.reason) || (c.reason == "") != (reason == "") || !strings.Contains(hint, c.hint) {
				t.Errorf("%q, %q", reason, hint)
			}
		}})
	}
	contract(t, "", rows)
}

func TestContractCookiesThatWereReplaced(t *testing.T) {
	t.Parallel()
	replaced := func(in *instance) (b *browser, p person, old string) {
		b, p = in.visitor()
		old = b.cookie()
		f := b.ask("/self-service/login/browser?refresh=true").expect(b.t, 200)
		b.send(in.act(f), typed(f, p.email, passphrase, b.t)).expect(b.t, 200)
		return b, p, old
	}
	contract(t, "", []row{
		{"a request that was under way for long takes no cookie from the browser, which has the next one", func(t *testing.T, in *instance) {
			b, _, old := replaced(in)
			until(t, func() bool {
				a := in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(old)).sets(t)
				return a.status == 401
			})
			in.call("GET", in.public+"/self-service/settings/browser", nil, "Accept", asJSON, "Cookie", carrying(old)).refused(t, 401, "session_inactive").sets(t, guard)
			b.ask("/sessions/whoami").expect(t, 200)
			in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(old, b.cookie())).expect(t, 200).sets(t)
			address, _ := b.leaving("")
			gone := b.cookie()
			b.ask(address).expect(t, 204)
			for _, cookie := range []string{old, gone} {
				in.gone(cookie) // the session itself has ended
			}
		}},
		{"whoever knew the token before changes no credential, and takes the session from nobody", func(t *testing.T, in *instance) {
			b, p, old := replaced(in)
			f := b.settings("")
			guarding := in.csrfName() + "=" + b.held(in.csrfName())
			for _, body := range []object{{"method": "password", "password": "another one entirely"}, {"method": "profile", "traits": object{"email": testkit.Email()}}} {
				body["csrf_token"] = f.csrf(t)
				in.call("POST", in.act(f), body, "Accept", asJSON, "Cookie", carrying(old)+"; "+guarding).refused(t, 403, "session_refresh_required").sets(t)
			}
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
			b.send(in.act(f), object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)}).expect(t, 200)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	})
}
