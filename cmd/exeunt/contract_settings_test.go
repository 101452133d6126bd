package main

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

const settingsInit = "/self-service/settings/browser"

// settings begins a settings flow in a browser, as a script does.
func (b *browser) settings(query string) answer {
	b.t.Helper()
	return b.ask(settingsInit+query).expect(b.t, 200)
}

func TestContractSettings(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"flows 6.1: init, by the kind of client", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, _ := in.login(p.email)
			keys := "expires_at id identity issued_at organization_id request_url state type ui"
			for kind, f := range map[string]answer{"api": in.begin("settings", "", as(token)...).expect(t, 200), "browser": b.settings("")} {
				f.has(t, "", keys).is(t, "type", kind).is(t, "state", "show_form").is(t, "identity.id", p.id).is(t, "organization_id", nil)
				want := "csrf_token:hidden traits.email:email traits.name.first:text traits.name.last:text method:submit password:password method:submit"
				if f.names(t) != want || f.messages(t) != "" {
					t.Errorf("%s: %s, %s", kind, f.names(t), f.messages(t))
				}
				if n := f.node(t, "traits.email", p.email); n == nil || n["group"] != "profile" {
					t.Errorf("%s: the e-mail is %v", kind, n)
				}
				for _, method := range []string{"profile", "password"} {
					if id := f.node(t, "method", method)["meta"].(map[string]any)["label"].(map[string]any)["id"]; id != 1070003.0 {
						t.Errorf("label %v", id)
					}
				}
			}
			if to := b.page(settingsInit).to(t, 303); !strings.HasPrefix(to, in.public+"/ui/settings?flow=") {
				t.Errorf("led to %s", to)
			}
			b.settings("?return_to=" + url.QueryEscape(in.public+"/self-service/x"))
			b.ask(settingsInit+"?return_to=https://evil.example").refused(t, 400, "self_service_flow_return_to_forbidden")
		}},
		{"flows 6.1: without a session", func(t *testing.T, in *instance) {
			b, p := in.browser(), in.person()
			f := in.begin("settings", "", as(p.token)...).expect(t, 200)
			in.begin("settings", "").refused(t, 401, "session_inactive")
			b.ask(settingsInit).refused(t, 401, "session_inactive")
			if strings.Contains(b.ask(settingsInit).body, "CredentialsMissing") {
				t.Error("an internal name is told")
			}
			if to := b.page(settingsInit).to(t, 303); to != in.public+"/self-service/login/browser" {
				t.Errorf("led to %s", to)
			}
			back := in.public + "/self-service/settings/browser"
			if to := b.page(settingsInit+"?return_to="+url.QueryEscape(back)).to(t, 303); to != in.public+"/self-service/login/browser?return_to="+url.QueryEscape(back) {
				t.Errorf("led to %s", to)
			}
			b.ask("/self-service/settings/flows?id="+f.text(t, "id")).refused(t, 401, "session_inactive")
			in.call("POST", in.act(f), object{"method": "password", "password": "another one entirely"}).refused(t, 401, "session_inactive")
		}},
		{"flows 6.1: a form is submitted after the session has ended", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			f := b.settings("")
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			body := object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)}
			b.send(in.act(f), body).refused(t, 401, "session_inactive")
			if to := b.post(in.act(f), form(body)).to(t, 302); to != in.public+"/ui/login" {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 6.1: a page that fetches without a session is led to sign in", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.settings("")
			address := "/self-service/settings/flows?id=" + f.text(t, "id")
			stranger := in.browser()
			for _, accept := range []string{asPage, "", "*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"} {
				if to := stranger.call("GET", in.public+address, nil, "Accept", accept).sets(t).to(t, 302); to != in.public+"/ui/login" {
					t.Errorf("%q: led to %s", accept, to)
				}
			}
			stranger.ask(address).refused(t, 401, "session_inactive")
			stranger.call("GET", in.public+address, nil, "Accept", "application/json, text/plain, */*").refused(t, 401, "session_inactive")
			b.page(address).expect(t, 200).is(t, "id", f.text(t, "id"))
			in.call("GET", in.public+address, nil, append(as(in.person().token), "Accept", asPage)...).refused(t, 403, "security_identity_mismatch")
			native := in.begin("settings", "", as(in.person().token)...)
			stranger.page("/self-service/settings/flows?id="+native.text(t, "id")).refused(t, 401, "session_inactive")
			in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
			if to := b.page(address).to(t, 303); !strings.HasPrefix(to, in.public+"/ui/login?flow=") { // which says why
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 6.1: fetch is for the owner, with any credential", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, _ := in.login(p.email)
			other := in.person()
			f := b.settings("")
			address := "/self-service/settings/flows?id=" + f.text(t, "id")
			b.ask(address).expect(t, 200).is(t, "id", f.text(t, "id"))
			in.call("GET", in.public+address, nil, as(token)...).expect(t, 200)
			in.call("GET", in.public+address, nil, as(other.token)...).refused(t, 403, "security_identity_mismatch")
			b.ask("/self-service/settings/flows?id="+uuid.NewString()).refused(t, 404, "flow_not_found")
			b.ask("/self-service/login/flows?id="+f.text(t, "id")).refused(t, 404, "flow_not_found")
		}},
		{"flows 6.2: a new password", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			old := p.token
			a := in.settle(f, &p.token, object{"method": "password", "password": "another one entirely"}).expect(t, 200).is(t, "state", "success").is(t, "active", "password").is(t, "id", f.text(t, "id"))
			if a.messages(t) != "1050001" || p.token != old {
				t.Errorf("%s; native clients that know nothing of new tokens keep theirs: %v", a.messages(t), p.token == old)
			}
			in.whoami(p.token).expect(t, 200)
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400)
			in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
			in.settle(f, &p.token, object{"method": "password", "password": "and one more of them"}).expect(t, 200) // the flow stays open
		}},
		{"flows 6.2: what is wrong with a password", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			for word, want := range map[string]string{"": "4000002", "short": "4000032", p.email: "4000031", passphrase: "4000039"} {
				a := in.settle(f, &p.token, object{"method": "password", "password": word}).expect(t, 400).is(t, "state", "show_form")
				if a.messages(t) != "password="+want {
					t.Errorf("%q: %s", word, a.messages(t))
				}
			}
			for _, method := range []any{nil, "", "nope"} {
				if got := in.settle(f, &p.token, object{"method": method, "password": "another one entirely"}).expect(t, 400).messages(t); got != "4010004" {
					t.Errorf("method %v: %s", method, got)
				}
			}
			for _, disabled := range []string{"totp", "lookup_secret", "oidc", "webauthn"} {
				in.settle(f, &p.token, object{"method": disabled}).refused(t, 404, "method_disabled")
			}
		}},
		{"flows 6.2: flows that cannot be submitted", func(t *testing.T, in *instance) {
			p, other := in.person(), in.person()
			body := object{"method": "password", "password": "another one entirely"}
			in.call("POST", in.public+"/self-service/settings", body, as(p.token)...).refused(t, 400, "flow_missing")
			in.call("POST", in.public+"/self-service/settings?flow="+uuid.NewString(), body, as(p.token)...).refused(t, 404, "flow_not_found")
			f := in.begin("settings", "", as(p.token)...)
			in.call("POST", in.act(f), body, as(other.token)...).refused(t, 403, "security_identity_mismatch")
			in.whoami(other.token).expect(t, 200)
			in.signIn(in.begin("login", ""), other.email, passphrase).expect(t, 200)
			if got := in.call("POST", in.act(f), body, append(as(p.token), "Origin", "https://evil.example")...).expect(t, 400).messages(t); got != "4000001" {
				t.Error(got)
			}
		}},
		{"flows 6.2: in a browser, by a script", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			f := b.settings("?return_to=" + url.QueryEscape(in.public+"/self-service/x"))
			body := object{"method": "password", "password": "another one entirely"}
			b.send(in.act(f), body).refused(t, 403, "security_csrf_violation")
			body["csrf_token"] = f.csrf(t)
			before := b.cookie()
			a := b.send(in.act(f), body).expect(t, 200).sets(t, issued).is(t, "state", "success")
			a.is(t, "continue_with.0.action", "redirect_browser_to").is(t, "continue_with.0.redirect_browser_to", in.public+"/self-service/x").is(t, "continue_with.1", nil)
			if b.cookie() == before || strings.Contains(a.body, "ory_s") {
				t.Error("the cookie is the old one, or a token is in the body")
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"flows 6.2: in a browser, by a form", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			page := b.page(settingsInit).to(t, 303)
			f := b.flowAt("settings", page, in.public+"/ui/settings?flow=")
			wrong := form(object{"method": "password", "password": "short", "csrf_token": f.csrf(t)})
			if to := b.post(in.act(f), wrong).to(t, 303); to != page {
				t.Errorf("led to %s", to)
			}
			in.shown(b.post(in.act(f), url.Values{"method": {"password"}, "password": {"another one entirely"}}), "security_csrf_violation")
			right := form(object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)})
			if to := b.post(in.act(f), right).sets(t, issued).to(t, 303); to != page {
				t.Errorf("led to %s", to)
			}
			if got := b.flowAt("settings", page, in.public+"/ui/settings?flow=").is(t, "state", "success").messages(t); got != "1050001" {
				t.Error(got)
			}
			in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
		}},
		{"flows 6.2: pages of others cannot change anything", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.settings("")
			body := form(object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)})
			in.shown(b.post(in.act(f), body, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), "security_csrf_violation")
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
		}},
		{"flows 6.2: a change of a credential ends the other sessions, and says how many", func(t *testing.T, in *instance) {
			p := in.person()
			second, secondID := in.login(p.email)
			third, _ := in.login(p.email)
			other := in.person()
			f := in.begin("settings", "", as(p.token)...)
			a := in.settle(f, &p.token, object{"method": "password", "password": "another one entirely"}).expect(t, 200)
			if a.messages(t) != "1050001 1100002" {
				t.Error(a.messages(t))
			}
			a.is(t, "ui.messages.1.context.sessions_ended", 2)
			for _, token := range []string{second, third} {
				in.whoami(token).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", "credential_changed")
			}
			in.whoami(p.token).expect(t, 200)
			in.whoami(other.token).expect(t, 200)
			in.call("GET", in.admin+"/admin/sessions/"+secondID, nil).expect(t, 200).is(t, "active", false).is(t, "end_reason", "credential_changed").is(t, "ended_by", p.id)
			last := in.past("?kind=session_ended&session_id="+secondID).expect(t, 200)
			last.is(t, "0.reason", "credential_changed").is(t, "0.actor", p.id).is(t, "0.identity_id", p.id).is(t, "1", nil)
		}},
		{"flows 6.2: success in a browser sends the cookie again", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f, cookie := b.settings(""), b.cookie()
			body := object{"method": "profile", "traits.email": p.email, "traits.name.first": "Ada", "csrf_token": f.csrf(t)}
			b.send(in.act(f), body).expect(t, 200).sets(t, issued)
			b.post(in.act(f), form(body)).sets(t, issued).expect(t, 303)
			if b.cookie() != cookie {
				t.Errorf("it is another one: %s, %s", cookie, b.cookie())
			}
			wrong := object{"method": "profile", "traits.email": "x", "csrf_token": f.csrf(t)}
			b.send(in.act(f), wrong).expect(t, 400).sets(t)
			b.post(in.act(f), form(wrong)).sets(t).expect(t, 303)
			body["method"], body["password"] = "password", "another one entirely"
			b.send(in.act(f), body).expect(t, 200)
			renewed := b.cookie()
			if renewed == cookie {
				t.Error("a new password keeps the token")
			}
			// The token of before works for a few seconds more, and does not come back by it.
			body["method"] = "profile"
			in.call("POST", in.act(f), body, "Cookie", carrying(cookie)+"; "+in.csrfName()+"="+b.held(in.csrfName()), "Accept", asJSON).expect(t, 200).sets(t)
			in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
			b.send(in.act(f), body).refused(t, 401, "session_inactive").sets(t, removed)
		}},
		{"flows 6.3: traits replace traits", func(t *testing.T, in *instance) {
			p := in.person()
			second, _ := in.login(p.email)
			f := in.begin("settings", "", as(p.token)...)
			a := in.settle(f, &p.token, object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada", "last": "Heron"}}}).expect(t, 200)
			a.is(t, "identity.traits.name.first", "Ada").is(t, "state", "success").is(t, "active", "profile")
			if a.node(t, "traits.name.first", "Ada") == nil {
				t.Errorf("the form shows what was there before:\n%s", a.body)
			}
			in.settle(f, &p.token, object{"method": "profile", "traits.email": p.email}).expect(t, 200).is(t, "identity.traits.name", nil)
			in.whoami(second).expect(t, 200) // a name is no credential
			if got := in.settle(f, &p.token, object{"method": "profile", "traits": object{"name": object{"first": "Ada"}}}).expect(t, 400).messages(t); got != "traits.email=4000002" {
				t.Error(got)
			}
			if got := in.settle(f, &p.token, object{"method": "profile", "traits": object{"email": "nonsense"}}).expect(t, 400).messages(t); got != "traits.email=4000040" {
				t.Error(got)
			}
			taken := in.person()
			if got := in.settle(f, &p.token, object{"method": "profile", "traits": object{"email": taken.email}}).expect(t, 400).messages(t); got != "4000007" {
				t.Error(got)
			}
		}},
		{"flows 6.3: another e-mail is another identifier, and ends the other sessions", func(t *testing.T, in *instance) {
			p := in.person()
			second, _ := in.login(p.email)
			f, next := in.begin("settings", "", as(p.token)...), testkit.Email()
			in.settle(f, &p.token, object{"method": "profile", "traits": object{"email": next}}).expect(t, 200).is(t, "identity.traits.email", next).is(t, "identity.verifiable_addresses.0.verified", false).is(t, "identity.verifiable_addresses.0.value", next)
			in.signIn(in.begin("login", ""), next, passphrase).expect(t, 200)
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400)
			in.whoami(second).refused(t, 401, "session_inactive")
		}},
		{"many changes of the profile at once are all kept or refused, none half", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			got := together(5, func(i int) int {
				return in.call("POST", in.act(f), object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": string(rune('a' + i))}}}, as(p.token)...).status
			})
			for _, status := range got {
				if status != 200 && status != 409 {
					t.Errorf("%v", got)
				}
			}
			in.whoami(p.token).expect(t, 200)
		}},
		{"the address for changing a password", func(t *testing.T, in *instance) {
			if to := in.call("GET", in.public+"/.well-known/change-password", nil).to(t, 303); to != in.public+"/self-service/settings/browser" {
				t.Errorf("led to %s", to)
			}
		}},
	})
}

func TestAPlainFormKeepsWhatItCannotShow(t *testing.T) {
	t.Parallel()
	schema := base64.StdEncoding.EncodeToString([]byte(`{"$id":"https://schemas.example/more","type":"object","properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"name":{"type":"object","properties":{"first":{"type":"string"},"last":{"type":"string"}}},
		"tags":{"type":"array","items":{"type":"string"}},
		"more":{"type":"object"}},"required":["email"]}}}`))
	onEachEngine(t, "identity: {schemas: [{id: default, url: 'base64://"+schema+"'}]}\n", func(t *testing.T, in *instance) {
		email := testkit.Email()
		traits := object{"email": email, "name": object{"first": "Ada", "last": "Heron"}, "tags": []string{"a", "b"}, "more": object{"x": 1, "y": object{"z": 2}}}
		id := in.create(object{"traits": traits, "credentials": clear(passphrase)}).expect(t, 201).text(t, "id")
		b := in.browser()
		b.enter(email)
		page := b.page(settingsInit).to(t, 303)
		f := b.flowAt("settings", page, in.public+"/ui/settings?flow=")
		body := object{"method": "profile", "traits.email": email, "traits.name.first": "Grace", "traits.name.last": "", "traits.tags": "", "csrf_token": f.csrf(t)}
		b.post(in.act(f), form(body)).to(t, 303)
		got := in.identity(id, "")
		got.is(t, "traits.name.first", "Grace").is(t, "traits.name.last", nil).is(t, "traits.tags.1", "b").is(t, "traits.more.x", 1).is(t, "traits.more.y.z", 2)
		b.send(in.act(f), object{"method": "profile", "traits": object{"email": email}, "csrf_token": f.csrf(t)}).expect(t, 200) // a script says all
		in.identity(id, "").has(t, "traits", "email")
	})
}

func TestContractPrivilegedSettings(t *testing.T) {
	t.Parallel()
	contract(t, "\nselfservice: {flows: {settings: {privileged_session_max_age: 2s}}}\n", []row{
		{"flows 6.4: an old session confirms first", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			in.aged(p)
			resume := in.public + "/self-service/settings?flow=" + f.text(t, "id")
			to := in.public + "/self-service/login/browser?refresh=true&return_to=" + url.QueryEscape(resume)
			for _, body := range []object{{"method": "password", "password": "another one entirely"}, {"method": "profile", "traits": object{"email": testkit.Email()}}} {
				in.settle(f, &p.token, body).refused(t, 403, "session_refresh_required").is(t, "redirect_browser_to", to)
			}
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
			in.settle(f, &p.token, object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada"}}}).expect(t, 200) // nobody signs in with a name
		}},
		{"flows 6.4: a script is told where to go", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.settings("")
			in.aged(p)
			a := b.send(in.act(f), object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)}).refused(t, 403, "session_refresh_required").sets(t)
			if !strings.HasPrefix(a.text(t, "redirect_browser_to"), in.public+"/self-service/login/browser?refresh=true&return_to=") {
				t.Error(a.body)
			}
		}},
		{"flows 6.4: a browser takes the change along, and it is made when it comes back", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.flowAt("settings", b.page(settingsInit).to(t, 303), in.public+"/ui/settings?flow=")
			in.aged(p)
			body := form(object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)})
			a := b.post(in.act(f), body).sets(t, `ory_kratos_continuity=[A-Za-z0-9_-]+; Path=/; Max-Age=900; HttpOnly; SameSite=Lax`)
			to := a.to(t, 303)
			taken := "ory_kratos_continuity=" + b.held("ory_kratos_continuity")
			if strings.Contains(taken, "another") {
				t.Error("the cookie can be read")
			}
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200) // nothing has changed yet
			login := b.flowAt("login", b.page(to).to(t, 303), in.public+"/ui/login?flow=")
			resume := b.post(in.act(login), form(typed(login, p.email, passphrase, t))).to(t, 303)
			if resume != in.public+"/self-service/settings?flow="+f.text(t, "id") {
				t.Fatalf("led to %s", resume)
			}
			page := b.page(resume).to(t, 303)
			if got := b.flowAt("settings", page, in.public+"/ui/settings?flow=").messages(t); got != "1050001 1100002" { // the sign-in above has ended
				t.Error(got)
			}
			if b.held("ory_kratos_continuity") != "" {
				t.Error("the change can be made again")
			}
			in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
			g := b.flowAt("settings", page, in.public+"/ui/settings?flow=")
			b.send(in.act(g), object{"method": "password", "password": "the newest of them all", "csrf_token": g.csrf(t)}).expect(t, 200)
			b.page(resume, "Cookie", taken).to(t, 303)
			in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 400) // the change was not made again
			in.signIn(in.begin("login", ""), p.email, "the newest of them all").expect(t, 200)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"flows 6.4: HEAD and what a browser loads by itself make no change", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.flowAt("settings", b.page(settingsInit).to(t, 303), in.public+"/ui/settings?flow=")
			in.aged(p)
			resume := in.public + "/self-service/settings?flow=" + f.text(t, "id")
			b.post(in.act(f), form(object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)})).to(t, 303)
			login := b.ask("/self-service/login/browser?refresh=true").expect(t, 200)
			b.send(in.act(login), typed(login, p.email, passphrase, t)).expect(t, 200)
			b.call("HEAD", resume, nil, "Accept", asPage).expect(t, 405).sets(t)
			for _, header := range [][]string{{"Sec-Purpose", "prefetch"}, {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}} {
				b.ask("/self-service/settings?flow="+f.text(t, "id"), header...).refused(t, 403, "logout_not_intended").sets(t)
			}
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
			b.page(resume).to(t, 303)
			in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
		}},
		{"flows 6.4: nothing is taken along to another flow or person", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			f := b.flowAt("settings", b.page(settingsInit).to(t, 303), in.public+"/ui/settings?flow=")
			in.aged(p)
			b.post(in.act(f), form(object{"method": "password", "password": "another one entirely", "csrf_token": f.csrf(t)})).to(t, 303)
			taken := "ory_kratos_continuity=" + b.held("ory_kratos_continuity")
			c, q := in.visitor()
			g := c.flowAt("settings", c.page(settingsInit).to(t, 303), in.public+"/ui/settings?flow=")
			for _, id := range []string{f.text(t, "id"), g.text(t, "id")} {
				in.call("GET", in.public+"/self-service/settings?flow="+id, nil, "Accept", asPage, "Cookie", carrying(c.cookie())+"; "+taken)
			}
			in.signIn(in.begin("login", ""), q.email, passphrase).expect(t, 200)
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
		}},
		{"flows 6.4: coming back with nothing shows the form", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			f := b.settings("")
			if to := b.page("/self-service/settings?flow="+f.text(t, "id")).to(t, 303); to != in.public+"/ui/settings?flow="+f.text(t, "id") {
				t.Errorf("led to %s", to)
			}
		}},
	})
}

// aged waits until a session has authenticated longer ago than is allowed for a change of a credential.
func (in *instance) aged(p person) {
	in.t.Helper()
	text := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(in.t, 200).text(in.t, "authenticated_at")
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		in.t.Fatal(err)
	}
	until(in.t, func() bool { return time.Since(at) > 2*time.Second })
}

func TestContractSettingsThatExpire(t *testing.T) {
	t.Parallel()
	contract(t, "\nselfservice: {flows: {settings: {lifespan: 1s}}}\n", []row{
		{"flows 6.1, 6.2: an expired flow", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, _ := in.login(p.email)
			api, web := in.begin("settings", "", as(token)...), b.settings("")
			fetched := func(f answer, header ...string) answer {
				return in.call("GET", in.public+"/self-service/settings/flows?id="+f.text(t, "id"), nil, header...)
			}
			until(t, func() bool {
				return fetched(web, "Cookie", carrying(b.cookie())).status == 410 && fetched(api, as(token)...).status == 410
			})
			fetched(api, as(token)...).refused(t, 410, "self_service_flow_expired").is(t, "error.details.api", in.public+"/self-service/settings/api")
			fetched(web, "Cookie", carrying(b.cookie())).refused(t, 410, "self_service_flow_expired").is(t, "error.details.redirect_to", in.public+"/self-service/settings/browser")
			body := object{"method": "password", "password": "another one entirely", "csrf_token": web.csrf(t)}
			a := in.call("POST", in.act(api), body, as(token)...).refused(t, 410, "self_service_flow_expired")
			next := in.call("GET", in.public+"/self-service/settings/flows?id="+a.text(t, "use_flow_id"), nil, as(token)...).expect(t, 200)
			if next.messages(t) != "4050001" {
				t.Error(next.messages(t))
			}
			page := b.post(in.act(web), form(body)).to(t, 303)
			if got := b.flowAt("settings", page, in.public+"/ui/settings?flow=").messages(t); got != "4050001" {
				t.Error(got)
			}
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
		}},
	})
}

func TestContractSettingsWithPlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	contract(t, `
selfservice:
  allowed_return_urls: [https://app.example/app]
  methods: {profile: {enabled: true}}
  flows:
    settings:
      ui_url: https://ui.example/settings
      after: {default_browser_return_url: https://app.example/changed, password: {revoke_other_sessions: false, default_browser_return_url: https://app.example/safe}}
`, []row{
		{"flows 6.2: where a browser goes after a change", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			second, _ := in.login(p.email)
			for query, c := range map[string]struct {
				body object
				want string
			}{
				"?return_to=https://app.example/app/x": {object{"method": "password", "password": "another one entirely"}, "https://app.example/app/x"},
				"?":                                    {object{"method": "password", "password": "and one more of them"}, "https://app.example/safe"},
				"?x":                                   {object{"method": "profile", "traits.email": p.email, "traits.name.first": "Ada"}, "https://app.example/changed"},
			} {
				f := b.flowAt("settings", b.page(settingsInit+query).to(t, 303), "https://ui.example/settings?flow=")
				c.body["csrf_token"] = f.csrf(t)
				if to := b.post(in.act(f), form(c.body)).to(t, 303); to != c.want {
					t.Errorf("%s: led to %s, want %s", query, to, c.want)
				}
			}
			in.whoami(second).expect(t, 200) // as it is configured here
		}},
	})
}

func TestContractSettingsKeepNumbers(t *testing.T) {
	t.Parallel()
	schema := `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"traits": {"type": "object", "properties": {
		"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}, "account": {"type": "integer"}}}}}`
	contract(t, "\nidentity: {schemas: [{id: default, url: \"base64://"+base64.StdEncoding.EncodeToString([]byte(schema))+"\"}]}\n", []row{
		{"a number comes back from the form as it was", func(t *testing.T, in *instance) {
			email, account := testkit.Email(), "12345678901234567891"
			in.signUp(in.begin("registration", ""), passphrase, object{"email": email, "account": json.Number(account)}).expect(t, 200)
			b := in.browser()
			b.enter(email)
			if f := b.settings(""); !strings.Contains(f.body, `"value":`+account+`,`) {
				t.Errorf("the form shows another number:\n%s", f.body)
			}
		}},
	})
}
