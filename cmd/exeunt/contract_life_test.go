package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// instant is a time in an answer.
func (a answer) instant(t *testing.T, path string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, a.text(t, path))
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, a.body)
	}
	return at
}

func TestContractSettingsWithSecondFactors(t *testing.T) {
	t.Parallel()
	contract(t, factors, []row{
		{"flows 6.1: a session below the level is led to the second factor", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			token, _ := in.login(p.email)
			in.begin("settings", "", as(token)...).refused(t, 403, "session_aal2_required").is(t, "redirect_browser_to", in.public+"/self-service/login/browser?aal=aal2")
			b := in.browser()
			f := b.ask("/self-service/login/browser").expect(t, 200)
			b.send(in.act(f), typed(f, p.email, passphrase, t)).refused(t, 422, "browser_location_change_required")
			b.ask(settingsInit).refused(t, 403, "session_aal2_required")
			stepUp := in.public + "/self-service/login/browser?aal=aal2"
			if to := b.page(settingsInit).to(t, 303); to != stepUp {
				t.Errorf("led to %s", to)
			}
			back := url.QueryEscape(in.public + settingsInit + "?return_to=" + url.QueryEscape(in.public+"/self-service/x"))
			if to := b.page(settingsInit+"?return_to="+url.QueryEscape(in.public+"/self-service/x")).to(t, 303); to != stepUp+"&return_to="+back {
				t.Errorf("led to %s", to)
			}
			g := in.begin("settings", "", as(p.token)...)
			in.call("POST", in.act(g), object{"method": "password", "password": "another one entirely"}, as(token)...).refused(t, 403, "session_aal2_required")
			in.call("GET", in.public+"/self-service/settings/flows?id="+g.text(t, "id"), nil, as(token)...).refused(t, 403, "session_aal2_required")
		}},
	})
}

func TestContractTokenExchangeWithSecondFactors(t *testing.T) {
	t.Parallel()
	contract(t, factors, []row{
		{"sessions 4.2: the first factor alone is told nothing of the person", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			f := in.begin("login", "?return_session_token_exchange_code=true")
			a := in.signIn(f, p.email, passphrase).expect(t, 200).is(t, "session.identity", nil)
			to, _ := url.Parse(a.text(t, "continue_with.0.redirect_browser_to"))
			got := in.call("GET", in.public+"/sessions/token-exchange?init_code="+f.text(t, "session_token_exchange_code")+"&return_to_code="+to.Query().Get("code"), nil).expect(t, 200)
			got.is(t, "session.identity", nil).is(t, "session.authenticator_assurance_level", "aal1")
			in.whoami(got.text(t, "session_token")).refused(t, 403, "session_aal2_required")
		}},
	})
}

func TestContractSliding(t *testing.T) {
	t.Parallel()
	contract(t, "\nsession: {lifespan: 3s, sliding: true, max_lifespan: 6s}\n", []row{
		{"a session that is used slides, in the store and in the cookie, and ends at its longest life", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			begun := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).instant(t, "issued_at")
			first := b.ask("/sessions/whoami").expect(t, 200).instant(t, "expires_at")
			var last time.Time
			until(t, func() bool {
				a := b.ask("/sessions/whoami")
				if a.status != 200 {
					return true
				}
				last = a.instant(t, "expires_at")
				if last.Sub(begun) > 6*time.Second+time.Millisecond {
					t.Errorf("it expires %v after its start", last.Sub(begun))
				}
				if stored := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).instant(t, "expires_at"); !stored.Equal(last) {
					t.Errorf("the store says %v, the answer %v", stored, last)
				}
				return false
			})
			if !last.After(first) || time.Since(begun) < 6*time.Second {
				t.Errorf("it ended %v after its start, and expired at %v, then at %v", time.Since(begun), first, last)
			}
		}},
		{"a session that rests ends", func(t *testing.T, in *instance) {
			p := in.person()
			expires := in.whoami(p.token).instant(t, "expires_at")
			until(t, func() bool {
				return in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).json(t, "active") == false
			})
			if time.Now().Before(expires) {
				t.Error("it ended before its time")
			}
			in.whoami(p.token).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", "expired")
		}},
		{"looking without using does not count", func(t *testing.T, in *instance) {
			p := in.person()
			expires := in.whoami(p.token).text(t, "expires_at")
			until(t, func() bool {
				a := in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", p.token, "X-Session-Activity", "none")
				if a.status == 200 {
					a.is(t, "expires_at", expires)
				}
				return a.status == 401
			})
		}},
		{"sessions 3.5: the cookie follows a session that slides", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			old := b.cookie()
			until(t, func() bool { b.ask("/sessions/whoami").expect(t, 200); return b.cookie() != old })
			token, _, _ := strings.Cut(old, ".")
			if !strings.HasPrefix(b.cookie(), token+".") {
				t.Error("the token has changed")
			}
			in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(old)).expect(t, 200)
		}},
		{"no extension by an administrator passes the longest life", func(t *testing.T, in *instance) {
			p := in.person()
			begun := in.whoami(p.token).instant(t, "issued_at")
			until(t, func() bool {
				in.extend(p.session)
				return time.Since(begun) > 4*time.Second
			})
			if left := in.whoami(p.token).expect(t, 200).instant(t, "expires_at").Sub(begun); left > 6*time.Second+time.Millisecond {
				t.Errorf("it expires %v after its start", left)
			}
			f := in.begin("login", "?refresh=true", as(p.token)...)
			a := in.signIn(f, p.email, passphrase, as(p.token)...).expect(t, 200)
			if left := a.instant(t, "session.expires_at").Sub(begun); left > 6*time.Second+time.Millisecond {
				t.Errorf("after a refresh it expires %v after its start", left)
			}
		}},
	})
	contract(t, "\nsession: {lifespan: 10s, sliding: true, earliest_possible_extend: 8s}\n", []row{
		{"a session slides inside the window alone", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.whoami(p.token)
			expires, begun := a.text(t, "expires_at"), a.instant(t, "issued_at")
			until(t, func() bool {
				a := in.whoami(p.token).expect(t, 200)
				moved := a.text(t, "expires_at") != expires
				if moved && a.instant(t, "expires_at").Sub(begun) < 12*time.Second {
					t.Errorf("it slid to %v after its start", a.instant(t, "expires_at").Sub(begun))
				}
				return moved
			})
		}},
	})
}

func TestContractIdle(t *testing.T) {
	t.Parallel()
	contract(t, "\nsession: {lifespan: 1h, idle_timeout: 2s}\n", []row{
		{"a session that is used does not expire, and its last use is known", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			begun := time.Now()
			var seen []time.Time
			until(t, func() bool {
				a := b.ask("/sessions/whoami").expect(t, 200)
				seen = append(seen, a.instant(t, "last_seen_at"))
				return time.Since(begun) > 5*time.Second
			})
			if !seen[len(seen)-1].After(seen[0].Add(3 * time.Second)) {
				t.Errorf("last seen %v, at first %v", seen[len(seen)-1], seen[0])
			}
			if n := len(slices.Compact(seen)); n > 40 {
				t.Errorf("its use was written down %d times in 5 seconds", n)
			}
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).is(t, "active", true)
		}},
		{"one that is not used does, long before its lifespan", func(t *testing.T, in *instance) {
			p := in.person()
			last := in.whoami(p.token).expect(t, 200)
			expires := last.instant(t, "expires_at")
			if left := expires.Sub(last.instant(t, "last_seen_at")); left < 2*time.Second || left > 2300*time.Millisecond {
				t.Errorf("it expires %v after its last use", left)
			}
			until(t, func() bool {
				return in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).json(t, "active") == false
			})
			in.whoami(p.token).refused(t, 401, "session_inactive")
			in.extend(p.session).expect(t, 404)
		}},
		{"an extension by an administrator is no use of the session", func(t *testing.T, in *instance) {
			p := in.person()
			expires := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).text(t, "expires_at")
			in.extend(p.session).expect(t, 204)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).is(t, "expires_at", expires)
		}},
	})
}

func TestContractLimits(t *testing.T) {
	t.Parallel()
	live := func(in *instance, t *testing.T, id string) (ids []string) {
		t.Helper()
		for _, s := range in.sessionsOf(id) {
			if s["active"] == true {
				ids = append(ids, s["id"].(string))
			}
		}
		slices.Sort(ids)
		return ids
	}
	sorted := func(ids ...string) []string { slices.Sort(ids); return ids }
	contract(t, "\nsession: {limit: {max: 2, policy: evict_oldest}}\nselfservice: {flows: {registration: {after: {password: {hooks: [{hook: session}]}}}}}\n", []row{
		{"the oldest makes way, whatever way the new one comes", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email) // which signs in
			_, second := in.login(email)
			third := in.browser().enter(email).text(t, "session.id")
			if got := live(in, t, id); !slices.Equal(got, sorted(second, third)) {
				t.Errorf("%v, want %v and %v", got, second, third)
			}
			for _, s := range in.sessionsOf(id) {
				if s["active"] == false && (s["end_reason"] != "limit" || s["ended_by"] != "policy") {
					t.Errorf("ended %v by %v", s["end_reason"], s["ended_by"])
				}
			}
		}},
		{"many at once are never more than allowed", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email)
			var flows [8]answer
			for i := range flows {
				flows[i] = in.begin("login", "")
			}
			if got := together(8, func(i int) int { return in.signIn(flows[i], email, passphrase).status }); got[0] != 200 || got[7] != 200 {
				t.Errorf("%v", got)
			}
			if got := live(in, t, id); len(got) != 2 {
				t.Errorf("%d sessions are live", len(got))
			}
		}},
	})
	contract(t, "\nsession: {idle_timeout: 10s, limit: {max: 2, policy: evict_idle}}\n", []row{
		{"the one that was not used for the longest time makes way", func(t *testing.T, in *instance) {
			p := in.person()
			_, second := in.login(p.email)
			before := in.whoami(p.token).text(t, "last_seen_at")
			until(t, func() bool { return in.whoami(p.token).expect(t, 200).text(t, "last_seen_at") != before })
			_, third := in.login(p.email)
			if got := live(in, t, p.id); !slices.Equal(got, sorted(p.session, third)) {
				t.Errorf("%v, want %v and %v; the idle one was %v", got, p.session, third, second)
			}
		}},
	})
	contract(t, "\nsession: {limit: {max: 2, policy: deny}}\n", []row{
		{"one too many is refused, and nothing ends", func(t *testing.T, in *instance) {
			p := in.person()
			second, _ := in.login(p.email)
			a := in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400)
			if a.messages(t) != "4000001" || !strings.Contains(a.body, "as many devices as it may") {
				t.Error(a.body)
			}
			in.whoami(p.token).expect(t, 200)
			in.logout(second).expect(t, 204)
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
		}},
	})
}

func TestThePasswordAloneMakesNoRoom(t *testing.T) {
	t.Parallel()
	for policy, status := range map[string]int{"evict_oldest": 200, "evict_idle": 200, "deny": 400} {
		onEachEngine(t, factors+"session: {limit: {max: 2, policy: "+policy+"}}\n", func(t *testing.T, in *instance) {
			p := in.person()
			app := in.enrol(&p)
			var pending []string
			for range 2 {
				token, _ := in.login(p.email)
				pending = append(pending, token)
			}
			in.whoami(p.token).expect(t, 200) // two sign-ins with the password alone end nothing
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, status)
			in.whoami(p.token).expect(t, 200)
			second := in.stepUp(pending[1], object{"method": "totp", "totp_code": app.next(t)}).expect(t, 200).text(t, "session_token")
			in.whoami(second).expect(t, 200)
			third, _ := in.login(p.email)
			a := in.stepUp(third, object{"method": "totp", "totp_code": app.next(t)}).expect(t, status)
			if status == 200 {
				in.whoami(p.token).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", "limit")
				in.whoami(a.text(t, "session_token")).expect(t, 200)
			} else {
				in.whoami(p.token).expect(t, 200)
			}
			in.whoami(second).expect(t, 200)
		})
	}
}

func TestContractRememberMe(t *testing.T) {
	t.Parallel()
	contract(t, "\nsession: {lifespan: 1h, remember_me: {lifespan: 720h}}\n", []row{
		{"who asks to stay signed in gets a cookie that outlives the browser, who does not one that goes with it", func(t *testing.T, in *instance) {
			p := in.person()
			const session, lasting = `ory_kratos_session=ory_sc_[A-Za-z0-9]{32}; Path=/; HttpOnly; SameSite=Lax`,
				`ory_kratos_session=ory_sc_[A-Za-z0-9]{32}\.[0-9a-z]{10}; Path=/; Expires=[^;]+; Max-Age=(2591999|2592000); HttpOnly; SameSite=Lax`
			for _, c := range []struct {
				choice any
				cookie string
				life   time.Duration
			}{{nil, session, time.Hour}, {false, session, time.Hour}, {true, lasting, 720 * time.Hour}, {"true", lasting, 720 * time.Hour}} {
				b := in.browser()
				f := b.ask(loginInit).expect(t, 200)
				if n := f.node(t, "remember", ""); n == nil || n["attributes"].(map[string]any)["type"] != "checkbox" {
					t.Fatalf("the form does not ask: %s", f.names(t))
				}
				body := typed(f, p.email, passphrase, t)
				if c.choice != nil {
					body["remember"] = c.choice
				}
				a := b.send(in.act(f), body).expect(t, 200).sets(t, guard, c.cookie)
				if life := a.instant(t, "session.expires_at").Sub(a.instant(t, "session.issued_at")); life != c.life {
					t.Errorf("%v: it lives for %v", c.choice, life)
				}
				in.extend(a.text(t, "session.id")).expect(t, 204)
				who := b.ask("/sessions/whoami").expect(t, 200)
				if left := time.Until(who.instant(t, "expires_at")); left > c.life || left < c.life-time.Minute {
					t.Errorf("%v: after an extension it lives for %v", c.choice, left)
				}
				if c.cookie == session && who.header.Get("Set-Cookie") != "" {
					t.Error("the cookie is sent again, for nothing")
				}
			}
			if in.begin("login", "").expect(t, 200).node(t, "remember", "") != nil {
				t.Error("a native client is asked")
			}
		}},
	})
}

func TestContractTokenExchange(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`^[A-Za-z0-9]{64}$`)
	contract(t, "\nselfservice: {allowed_return_urls: ['myapp://callback']}\n", []row{
		{"sessions 4.2: the codes of a flow are exchanged for a token, once", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?return_session_token_exchange_code=true&return_to="+url.QueryEscape("myapp://callback")).expect(t, 200)
			init := f.text(t, "session_token_exchange_code")
			if !code.MatchString(init) {
				t.Fatalf("code %q", init)
			}
			in.call("GET", in.public+"/self-service/login/flows?id="+f.text(t, "id"), nil).is(t, "session_token_exchange_code", nil)
			a := in.signIn(f, p.email, passphrase).expect(t, 200).is(t, "continue_with.0.action", "redirect_browser_to")
			to, err := url.Parse(a.text(t, "continue_with.0.redirect_browser_to"))
			if err != nil || to.Scheme != "myapp" || !code.MatchString(to.Query().Get("code")) {
				t.Fatalf("led to %v, %v", to, err)
			}
			exchange := func(init, back string) answer {
				return in.call("GET", in.public+"/sessions/token-exchange?init_code="+init+"&return_to_code="+back, nil)
			}
			back := to.Query().Get("code")
			for _, pair := range [][2]string{{back, init}, {init, init}, {init, misspelt(back)}, {"x", "y"}} {
				exchange(pair[0], pair[1]).refused(t, 404, "exchange_not_found")
			}
			got := exchange(init, back).expect(t, 200).has(t, "", "session session_token").is(t, "session.id", a.text(t, "session.id")).is(t, "session.active", true)
			in.whoami(got.text(t, "session_token")).expect(t, 200).is(t, "identity.id", p.id)
			exchange(init, back).refused(t, 404, "exchange_not_found")
		}},
		{"sessions 4.2: HEAD uses no codes up", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?return_session_token_exchange_code=true")
			a := in.signIn(f, p.email, passphrase).expect(t, 200)
			to, _ := url.Parse(a.text(t, "continue_with.0.redirect_browser_to"))
			address := in.public + "/sessions/token-exchange?init_code=" + f.text(t, "session_token_exchange_code") + "&return_to_code=" + to.Query().Get("code")
			if a := in.call("HEAD", address, nil).expect(t, 405); a.header.Get("Allow") != "GET" {
				t.Errorf("Allow %q", a.header.Get("Allow"))
			}
			in.call("GET", address, nil).expect(t, 200)
		}},
		{"sessions 4.2: what is missing", func(t *testing.T, in *instance) {
			for _, query := range []string{"", "?init_code=x", "?return_to_code=x", "?init_code=&return_to_code=x"} {
				in.call("GET", in.public+"/sessions/token-exchange"+query, nil).refused(t, 400, "exchange_codes_missing")
			}
			in.call("POST", in.public+"/sessions/token-exchange", nil).expect(t, 405)
			if in.begin("login", "").json(t, "session_token_exchange_code") != nil {
				t.Error("a code that nobody asked for")
			}
		}},
		{"sessions 4.2, W19: of many who exchange at once, one gets a token; nobody that of a session that has ended", func(t *testing.T, in *instance) {
			p := in.person()
			codes := func() (query, token string) {
				f := in.begin("login", "?return_session_token_exchange_code=true")
				a := in.signIn(f, p.email, passphrase).expect(t, 200)
				to, _ := url.Parse(a.text(t, "continue_with.0.redirect_browser_to"))
				return "?init_code=" + f.text(t, "session_token_exchange_code") + "&return_to_code=" + to.Query().Get("code"), a.text(t, "session_token")
			}
			query, _ := codes()
			if got := together(5, func(int) int { return in.call("GET", in.public+"/sessions/token-exchange"+query, nil).status }); got[0] != 200 || got[1] != 404 {
				t.Errorf("%v", got)
			}
			query, token := codes()
			in.logout(token).expect(t, 204)
			in.call("GET", in.public+"/sessions/token-exchange"+query, nil).refused(t, 404, "exchange_not_found")
		}},
	})
}

func TestContractOwnSessionsWithMore(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"one's own list shows the session in use and those that are over, when asked to", func(t *testing.T, in *instance) {
			p := in.person()
			second, secondID := in.login(p.email)
			_, thirdID := in.login(p.email)
			in.logout(second).expect(t, 204)
			list := func(query string) []map[string]any {
				return in.call("GET", in.public+"/sessions"+query, nil, as(p.token)...).expect(t, 200).list(t)
			}
			if all := list(""); len(all) != 1 || all[0]["id"] != thirdID || all[0]["current"] != nil || all[0]["last_seen_at"] == nil {
				t.Errorf("%v", all)
			}
			shown := map[string]string{}
			for _, s := range list("?include=current&include=ended") {
				shown[s["id"].(string)] = fmt.Sprintf("%v %v %v", s["active"], s["current"], s["end_reason"])
			}
			if len(shown) != 3 || shown[p.session] != "true true <nil>" || shown[secondID] != "false <nil> logout" || shown[thirdID] != "true <nil> <nil>" {
				t.Errorf("%v", shown)
			}
			in.call("GET", in.public+"/sessions?include=all", nil, as(p.token)...).refused(t, 400, "include_invalid")
		}},
		{"a session says why it ended to whoever held it", func(t *testing.T, in *instance) {
			for reason, end := range map[string]func(p person){
				"logout":            func(p person) { in.logout(p.token).expect(t, 204) },
				"revoked_by_admin":  func(p person) { in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204) },
				"identity_disabled": func(p person) { in.state(p.id, "inactive").expect(t, 200) },
				"revoked": func(p person) {
					other, _ := in.login(p.email)
					in.call("DELETE", in.public+"/sessions/"+p.session, nil, as(other)...).expect(t, 204)
				},
			} {
				p := in.person()
				end(p)
				in.whoami(p.token).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", reason)
			}
			in.whoami("ory_st_nobody").refused(t, 401, "session_inactive").is(t, "error.details", nil)
		}},
	})
}
