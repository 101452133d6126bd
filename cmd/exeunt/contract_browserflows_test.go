package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

// pages is a configuration as products have it, with pages of their own.
const pages = `
selfservice:
  default_browser_return_url: https://app.example/
  allowed_return_urls: [https://app.example/app]
  flows:
    login: {ui_url: 'https://ui.example/login?theme=dark', after: {default_browser_return_url: https://app.example/in}}
    registration: {ui_url: https://ui.example/register, after: {default_browser_return_url: https://app.example/welcome}}
`

const (
	loginInit        = "/self-service/login/browser"
	registrationInit = "/self-service/registration/browser"
	loginPage        = "https://ui.example/login?theme=dark&flow="
	registrationPage = "https://ui.example/register?flow="
)

// flowAt fetches the flow that a browser was led to.
func (b *browser) flowAt(kind, to, page string) answer {
	b.t.Helper()
	id, ok := strings.CutPrefix(to, page)
	if !ok || uuid.Validate(id) != nil {
		b.t.Fatalf("led to %s", to)
	}
	return b.ask("/self-service/"+kind+"/flows?id="+id).expect(b.t, 200).is(b.t, "id", id)
}

// typed is a submission by password.
func typed(f answer, identifier, word string, t *testing.T) object {
	return object{"method": "password", "identifier": identifier, "password": word, "csrf_token": f.csrf(t)}
}

// form is an object as a page without scripts submits it.
func form(o object) url.Values {
	v := url.Values{}
	for name, value := range o {
		v.Set(name, value.(string))
	}
	return v
}

func TestContractBrowserInit(t *testing.T) {
	t.Parallel()
	var rows []row
	for kind, page := range map[string]string{"login": loginPage, "registration": registrationPage} {
		init := "/self-service/" + kind + "/browser"
		rows = append(rows,
			row{"flows 4.1, 5.1: " + kind + " by a script", func(t *testing.T, in *instance) {
				b := in.browser()
				a := b.ask(init+"?return_to=/app/x").expect(t, 200).sets(t, guard)
				keys := map[string]string{"login": loginKeys, "registration": registrationKeys}[kind]
				a.has(t, "", strings.Replace(keys, "state", "return_to state", 1)).is(t, "type", "browser").is(t, "state", "choose_method").is(t, "return_to", "https://app.example/app/x")
				a.is(t, "request_url", in.public+init+"?return_to=/app/x").is(t, "ui.action", in.public+"/self-service/"+kind+"?flow="+a.text(t, "id")).is(t, "ui.method", "POST")
				if len(a.csrf(t)) != 88 || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore {
					t.Errorf("headers %v", a.header)
				}
			}},
			row{"flows 4.1, 5.1: " + kind + " by a navigation", func(t *testing.T, in *instance) {
				b := in.browser()
				a := b.page(init+"?return_to=/app/x").sets(t, guard)
				if !strings.HasPrefix(a.body, "<a href=") || a.header.Get("Cache-Control") != noStore {
					t.Errorf("%v %s", a.header, a.body)
				}
				b.flowAt(kind, a.to(t, 303), page).is(t, "type", "browser").is(t, "return_to", "https://app.example/app/x")
			}},
			row{"flows 1.2: " + kind + " by what is accepted alone, whatever is sent", func(t *testing.T, in *instance) {
				for _, accept := range []string{"", "*/*", "text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"} {
					in.call("GET", in.public+init, nil, "Accept", accept, "Content-Type", asJSON).to(t, 303)
				}
				for _, accept := range []string{"application/json", "application/json, text/plain, */*", "application/json; charset=utf-8"} {
					in.call("GET", in.public+init, nil, "Accept", accept).expect(t, 200)
				}
				in.call("GET", in.public+init, nil, "Accept", "*/*", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty").to(t, 303)
			}},
			row{"flows 4.1, 5.1: " + kind + " when signed in", func(t *testing.T, in *instance) {
				b, _ := in.visitor()
				b.ask(init).refused(t, 400, "session_already_available").sets(t)
				after := map[string]string{"login": "https://app.example/in", "registration": "https://app.example/welcome"}[kind]
				if to := b.page(init).sets(t).to(t, 303); to != after {
					t.Errorf("led to %s", to)
				}
				if to := b.page(init+"?return_to=/app/x").to(t, 303); to != "https://app.example/app/x" {
					t.Errorf("led to %s", to)
				}
				in.call("GET", in.public+"/self-service/"+kind+"/api", nil, "Cookie", carrying(b.cookie())).refused(t, 400, "session_already_available")
				p := in.person()
				in.call("GET", in.public+init, nil, "Accept", asJSON, "X-Session-Token", p.token).refused(t, 400, "session_already_available")
			}},
			row{"flows 4.1, 5.1: " + kind + " with the session of a deactivated identity", func(t *testing.T, in *instance) {
				b, p := in.visitor()
				in.state(p.id, "inactive").expect(t, 200)
				b.ask(init).expect(t, 200).sets(t, removed)
			}},
			row{"flows 1.6: " + kind + " with a return_to that is none", func(t *testing.T, in *instance) {
				for to, id := range map[string]string{"https://evil.example/": returnForbidden, "https:evil.example": returnMalformed, "https://app.example/?x=ory_st_" + strings.Repeat("A", 32): "token_in_url"} {
					b := in.browser()
					b.ask(init+"?return_to="+url.QueryEscape(to)).refused(t, 400, id)
					in.shown(b.page(init+"?return_to="+url.QueryEscape(to)), id)
				}
			}},
			row{"flows 4.1: " + kind + " with a token in the query, which is not kept", func(t *testing.T, in *instance) {
				b := in.browser()
				for _, token := range []string{"ory_sc_" + strings.Repeat("A", 32), "ory_lo_-" + strings.Repeat("A", 50)} {
					b.ask(init+"?x="+token).expect(t, 200).is(t, "request_url", in.public+init)
				}
			}},
			row{"flows 4.3: " + kind + " is fetched by its own browser alone", func(t *testing.T, in *instance) {
				b := in.browser()
				f := b.ask(init).expect(t, 200)
				fetch := "/self-service/" + kind + "/flows?id=" + f.text(t, "id")
				for _, accept := range []string{asJSON, asPage} {
					b.call("GET", in.public+fetch, nil, "Accept", accept).expect(t, 200).is(t, "id", f.text(t, "id"))
					in.call("GET", in.public+fetch, nil, "Accept", accept).refused(t, 403, "security_csrf_violation").sets(t)
				}
				alien := in.browser()
				alien.ask(init).expect(t, 200)
				alien.ask(fetch).refused(t, 403, "security_csrf_violation").sets(t)
				in.call("GET", in.public+"/self-service/"+kind+"/flows?id="+in.begin(kind, "").text(t, "id"), nil).expect(t, 200).is(t, "type", "api")
			}},
			row{"flows 4.3: " + kind + " under an id that is none", func(t *testing.T, in *instance) {
				b := in.browser()
				other := b.ask("/self-service/"+map[string]string{"login": "registration", "registration": "login"}[kind]+"/browser").expect(t, 200)
				for _, id := range []string{"", "x", uuid.NewString(), other.text(t, "id")} {
					b.ask("/self-service/"+kind+"/flows?id="+id).refused(t, 404, "flow_not_found")
				}
			}},
			row{"flows 1.5: X-CSRF-Token, a cookie of another site and two browsers are of no use to " + kind, func(t *testing.T, in *instance) {
				b, alien := in.browser(), in.browser()
				f, g := b.ask(init).expect(t, 200), alien.ask(init).expect(t, 200)
				body := object{"method": "password", "identifier": "x@example.org", "password": passphrase, "csrf_token": g.csrf(t), "traits": object{"email": testkit.Email()}}
				alien.send(in.act(f), body).refused(t, 403, "security_csrf_violation")
				b.send(in.act(f), body, "X-CSRF-Token", f.csrf(t)).refused(t, 403, "security_csrf_violation")
				body["csrf_token"] = f.csrf(t)
				alien.send(in.act(f), body).refused(t, 403, "security_csrf_violation")
				in.call("POST", in.act(f), body, "Accept", asJSON).refused(t, 403, "security_csrf_violation").is(t, "error.details.reject_reason", "The HTTP Cookie Header is empty or not set.")
				for _, origin := range []string{"https://evil.example", "http://127.0.0.1:1"} {
					b.send(in.act(f), body, "Origin", origin).refused(t, 403, "security_csrf_violation")
				}
				b.send(in.act(f), body, "Sec-Fetch-Site", "cross-site").refused(t, 403, "security_csrf_violation")
				in.shown(b.post(in.act(f), url.Values{"method": {"password"}}), "security_csrf_violation")
			}},
			row{"flows 4.4, 5.3: " + kind + " without a flow", func(t *testing.T, in *instance) {
				b := in.browser()
				at := "/self-service/" + kind
				for query, c := range map[string]struct {
					status int
					id     string
				}{"": {400, "flow_missing"}, "?flow=": {400, "flow_missing"}, "?flow=x": {400, "flow_missing"}, "?flow=" + uuid.NewString(): {404, "flow_not_found"}} {
					b.send(at+query, object{"method": "password"}).refused(t, c.status, c.id)
					in.shown(b.post(at+query, url.Values{"method": {"password"}}), c.id)
				}
				b.ask(at+"?flow="+uuid.NewString()).refused(t, 405, "method_not_allowed")
			}},
			row{"flows 1.7: bodies that " + kind + " cannot read come back on the form", func(t *testing.T, in *instance) {
				b := in.browser()
				f := b.ask(init).expect(t, 200)
				for _, c := range [][2]string{{"", asJSON}, {"{", asJSON}, {"[]", asJSON}, {"x=1", "text/plain"}, {"x", "multipart/form-data; boundary=x"}, {"x=1&x=2", "application/x-www-form-urlencoded"}, {`{"csrf_token":"a","csrf_token":"b"}`, asJSON}} {
					a := b.call("POST", in.act(f), c[0], "Content-Type", c[1], "Accept", asJSON).expect(t, 400).is(t, "id", f.text(t, "id")).sets(t)
					if a.messages(t) != "4000001" {
						t.Errorf("%q: %s", c, a.messages(t))
					}
				}
				status := map[string]int{"login": 303, "registration": 302}[kind]
				if to := b.call("POST", in.act(f), "x=1", "Content-Type", "text/plain", "Accept", asPage).to(t, status); to != page+f.text(t, "id") {
					t.Errorf("led to %s", to)
				}
			}},
		)
	}
	rows = append(rows,
		row{"flows 4.1: aal2 without a session", func(t *testing.T, in *instance) {
			b := in.browser()
			b.ask(loginInit+"?aal=aal2").refused(t, 401, "session_aal1_required")
			in.shown(b.page(loginInit+"?aal=aal2"), "session_aal1_required")
			b.ask(loginInit+"?aal=aal9").refused(t, 400, "aal_invalid")
			in.shown(b.page(loginInit+"?aal=aal9"), "aal_invalid")
		}},
		row{"flows 4.1: aal2 with a session begins a flow, also where nobody has a second factor", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			b.ask(loginInit+"?aal=aal2").expect(t, 200).is(t, "requested_aal", "aal2").sets(t)
			b.flowAt("login", b.page(loginInit+"?aal=aal2").to(t, 303), loginPage).is(t, "requested_aal", "aal2")
		}},
		row{"flows 4.1: refresh", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			for _, f := range []answer{b.ask(loginInit+"?refresh=true").expect(t, 200), b.flowAt("login", b.page(loginInit+"?refresh=true").to(t, 303), loginPage)} {
				f.is(t, "refresh", true)
				node := f.node(t, "identifier", p.email)
				if f.messages(t) != "1010003" || node == nil || node["attributes"].(map[string]any)["type"] != "hidden" {
					t.Errorf("%s", f.body)
				}
			}
			in.browser().ask(loginInit+"?refresh=true").expect(t, 200).is(t, "refresh", false)
			b.ask(loginInit+"?refresh=no").refused(t, 400, "session_already_available")
		}},
		row{"flows 4.2: the form", func(t *testing.T, in *instance) {
			a := in.browser().ask(loginInit).expect(t, 200)
			if got := a.names(t); got != "csrf_token:hidden identifier:text password:password method:submit" {
				t.Error(got)
			}
			a.is(t, "ui.nodes.0.attributes.required", true).is(t, "ui.nodes.0.group", "default")
		}},
	)
	contract(t, pages, rows)
	contract(t, "selfservice: {flows: {registration: {enabled: false}}}\n", []row{
		{"flows 5.1: registration is disabled", func(t *testing.T, in *instance) {
			in.browser().ask(registrationInit).refused(t, 400, "self_service_flow_disabled")
			in.shown(in.browser().page(registrationInit), "self_service_flow_disabled")
		}},
	})
}

func TestContractBrowserLogin(t *testing.T) {
	t.Parallel()
	rows := []row{
		{"flows 4.4: success, by a script", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email)
			b := in.browser()
			f := b.ask(loginInit+"?return_to=/app/x").expect(t, 200)
			a := b.send(in.act(f), typed(f, " "+strings.ToUpper(email)+" ", passphrase, t)).expect(t, 200).sets(t, guard, issued)
			a.has(t, "", "continue_with session").has(t, "session", sessionKeys).has(t, "session.identity", identityKeys).is(t, "session.identity.id", id)
			a.has(t, "continue_with.0", "action redirect_browser_to").is(t, "continue_with.0.action", "redirect_browser_to").is(t, "continue_with.0.redirect_browser_to", "https://app.example/app/x").is(t, "continue_with.1", nil)
			if strings.Contains(a.body, "ory_s") {
				t.Error("a token is in the body, where scripts find it")
			}
			b.ask("/sessions/whoami").expect(t, 200).is(t, "id", a.text(t, "session.id")).is(t, "identity.id", id)
		}},
		{"flows 4.4: success, by a form", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			for query, want := range map[string]string{"?return_to=/app/x": "https://app.example/app/x", "": "https://app.example/in"} {
				b := in.browser()
				f := b.flowAt("login", b.page(loginInit+query).to(t, 303), loginPage)
				a := b.post(in.act(f), form(typed(f, email, passphrase, t)), "Origin", in.public, "Sec-Fetch-Site", "same-origin").sets(t, guard, issued)
				if to := a.to(t, 303); to != want || a.body != "" || a.header.Get("Content-Type") != "" {
					t.Errorf("led to %s with %q", to, a.body)
				}
				b.ask("/sessions/whoami").expect(t, 200)
			}
		}},
		{"flows 1.2: JSON in any spelling is answered with JSON, whatever is accepted (W30)", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			for _, kind := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON"} {
				b := in.browser()
				f := b.ask(loginInit).expect(t, 200)
				b.call("POST", in.act(f), typed(f, email, passphrase, t), "Content-Type", kind, "Accept", asPage).expect(t, 200).has(t, "", "continue_with session")
			}
		}},
		{"flows 1.2: a form is answered with JSON where that is asked for", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			b.post(in.act(f), form(typed(f, email, passphrase, t)), "Accept", asJSON).expect(t, 200).has(t, "", "continue_with session")
		}},
		{"flows 4.4: a wrong password, and an unknown identifier", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			for _, identifier := range []string{email, testkit.Email()} {
				b := in.browser()
				f := b.ask(loginInit).expect(t, 200)
				a := b.send(in.act(f), typed(f, identifier, "wrong wrong wrong", t)).expect(t, 400).sets(t).is(t, "id", f.text(t, "id"))
				if a.messages(t) != "4000006" || a.node(t, "identifier", identifier) == nil || strings.Contains(a.body, "wrong wrong") || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
					t.Error(a.body)
				}
				to := b.post(in.act(f), form(typed(a, identifier, "wrong wrong wrong", t))).sets(t).to(t, 303)
				if again := b.flowAt("login", to, loginPage); again.messages(t) != "4000006" {
					t.Error(again.body)
				}
				b.ask("/sessions/whoami").refused(t, 401, "session_inactive")
			}
		}},
		{"flows 4.4: missing values, and methods that are none", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			for body, want := range map[string]string{
				`{"method":"password","identifier":"x@example.org"}`: "password=4000002", `{"method":"password","password":"x"}`: "identifier=4000002", `{"method":"password","identifier":"","password":""}`: "identifier=4000002 password=4000002",
				`{}`: "4010002", `{"method":"nope"}`: "4010002",
			} {
				body = strings.Replace(body, "{", `{"csrf_token":"`+f.csrf(t)+`",`, 1)
				if a := b.send(in.act(f), strings.Replace(body, ",}", "}", 1)).expect(t, 400).sets(t); a.messages(t) != want {
					t.Errorf("%s: %s", body, a.messages(t))
				}
			}
			b.send(in.act(f), object{"method": "oidc", "csrf_token": f.csrf(t)}).refused(t, 404, "method_disabled")
			in.shown(b.post(in.act(f), url.Values{"method": {"oidc"}, "csrf_token": {f.csrf(t)}}), "method_disabled")
			if to := b.post(in.act(f), url.Values{"csrf_token": {f.csrf(t)}}).to(t, 303); to != loginPage+f.text(t, "id") {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 4.4: a deactivated identity", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.state(in.register(email), "inactive").expect(t, 200)
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			for word, want := range map[string]string{passphrase: "4010011", "wrong wrong wrong": "4000006"} {
				if a := b.send(in.act(f), typed(f, email, word, t)).expect(t, 400).sets(t); a.messages(t) != want {
					t.Error(a.messages(t))
				}
			}
		}},
		{"flows 4.4: somebody who is signed in already, in another tab", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f := b.ask(loginInit+"?return_to=/app/x").expect(t, 200)
			b.enter(email)
			cookie := b.cookie()
			if a := b.send(in.act(f), typed(f, email, passphrase, t)).expect(t, 400).sets(t).is(t, "id", f.text(t, "id")); a.messages(t) != "4000001" {
				t.Error(a.messages(t))
			}
			if to := b.post(in.act(f), form(typed(f, email, passphrase, t))).sets(t).to(t, 303); to != "https://app.example/in" {
				t.Errorf("led to %s", to)
			}
			in.alive(cookie)
		}},
		{"flows 4.4: somebody who is signed in does not see another browser's form", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask(loginInit+"?return_to=/app/secret-place").expect(t, 200)
			b.send(in.act(f), typed(f, "typed@example.org", "wrong wrong wrong", t)).expect(t, 400)
			alien, _ := in.visitor()
			if a := alien.send(in.act(f), object{"method": "password"}).expect(t, 400); strings.Contains(a.body, "typed@example.org") || strings.Contains(a.body, "secret-place") || a.messages(t) != "4000001" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{"flows 4.4: a browser's flow is no flow for tokens, nor the other way round", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			in.signIn(f, email, passphrase).refused(t, 403, "security_csrf_violation")
			native := in.begin("login", "").expect(t, 200)
			for _, header := range [][]string{{"Cookie", in.csrfName() + "=x"}, {"Cookie", carrying("x")}, {"Origin", in.public}, {"Origin", "https://evil.example"}} {
				if a := in.signIn(native, email, passphrase, header...).expect(t, 400).sets(t, map[bool][]string{true: {removed}}[strings.HasPrefix(header[1], "ory_")]...); a.messages(t) != "4000001" {
					t.Errorf("%v: %s", header, a.body)
				}
			}
			in.signIn(native, email, passphrase).expect(t, 200).sets(t).has(t, "", "continue_with session session_token")
		}},
		{"flows 4.5: refresh keeps the session and renews its cookie", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			cookie := b.cookie()
			before := b.ask("/sessions/whoami")
			f := b.ask(loginInit+"?refresh=true&return_to=/app/x").expect(t, 200)
			a := b.send(in.act(f), typed(f, p.email, passphrase, t)).expect(t, 200).sets(t, issued).is(t, "session.id", p.session)
			a.is(t, "continue_with.0.redirect_browser_to", "https://app.example/app/x").is(t, "session.authentication_methods.1.method", "password")
			if b.cookie() == cookie || a.text(t, "session.authenticated_at") <= before.text(t, "authenticated_at") || a.text(t, "session.expires_at") <= before.text(t, "expires_at") {
				t.Error(a.body)
			}
			f = b.ask(loginInit+"?refresh=true").expect(t, 200)
			if to := b.post(in.act(f), form(typed(f, p.email, passphrase, t))).sets(t, issued).to(t, 303); to != "https://app.example/in" || b.cookie() == cookie {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 4.5: a refresh by somebody else, or with a wrong password, leaves the session as it was", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			q := in.person()
			before := b.ask("/sessions/whoami").body
			f := b.ask(loginInit+"?refresh=true").expect(t, 200)
			for _, body := range []object{typed(f, q.email, passphrase, t), typed(f, p.email, "wrong wrong wrong", t)} {
				if a := b.send(in.act(f), body).expect(t, 400).sets(t); a.messages(t) != "4000006" || !strings.Contains(a.names(t), "identifier:hidden") {
					t.Error(a.body)
				}
			}
			if b.ask("/sessions/whoami").body != before {
				t.Error("the session has changed")
			}
		}},
		{"flows 4.5: a refresh brings no session back that has ended meanwhile", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			cookie := b.cookie()
			f := b.ask(loginInit+"?refresh=true").expect(t, 200)
			in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
			if a := b.send(in.act(f), typed(f, p.email, passphrase, t)).expect(t, 200); a.text(t, "session.id") == p.session {
				t.Error("it is back")
			}
			in.gone(cookie)
		}},
		{"flows 4.4: a password twice in one flow gives two sessions, and each has its cookie", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			b.enter(email)
			first := b.cookie()
			other := in.browser()
			other.enter(email)
			if other.cookie() == first {
				t.Error("two sessions, one cookie")
			}
			in.alive(first)
		}},
	}
	contract(t, pages, rows)
}

func TestContractBrowserFlowsThatExpire(t *testing.T) {
	t.Parallel()
	short := strings.Replace(pages, "flows:\n    login: {", "flows:\n    login: {lifespan: 2s, ", 1)
	short = strings.Replace(short, "registration: {", "registration: {lifespan: 2s, ", 1)
	onEachEngine(t, short, func(t *testing.T, in *instance) {
		for kind, page := range map[string]string{"login": loginPage, "registration": registrationPage} {
			message := map[string]string{"login": "4010001", "registration": "4040001"}[kind]
			b := in.browser()
			init := "/self-service/" + kind + "/browser"
			f := b.ask(init+"?return_to=/app/x").expect(t, 200)
			fetch := "/self-service/" + kind + "/flows?id=" + f.text(t, "id")
			until(t, func() bool { return b.ask(fetch).status == 410 })
			t.Run("flows 4.3: an expired "+kind+" flow of a browser says where to begin anew", func(t *testing.T) {
				a := b.ask(fetch).refused(t, 410, "self_service_flow_expired").has(t, "error.details", "redirect_to return_to").is(t, "error.details.return_to", "https://app.example/app/x")
				a.is(t, "error.details.redirect_to", in.public+init+"?return_to="+url.QueryEscape("https://app.example/app/x"))
				in.on(t).browser().ask(fetch).refused(t, 403, "security_csrf_violation")
			})
			t.Run("flows 4.4: a script is told of the flow that replaces an expired "+kind, func(t *testing.T) {
				a := b.send(in.act(f), object{"method": "password", "csrf_token": f.csrf(t)}).refused(t, 410, "self_service_flow_expired").sets(t).has(t, "", "error expired_at since use_flow_id")
				next := b.ask("/self-service/"+kind+"/flows?id="+a.text(t, "use_flow_id")).expect(t, 200).is(t, "return_to", "https://app.example/app/x").is(t, "type", "browser")
				if next.messages(t) != message || next.csrf(t) == "" {
					t.Error(next.body)
				}
			})
			t.Run("flows 4.4: a form leads on to the flow that replaces an expired "+kind, func(t *testing.T) {
				to := b.post(in.act(f), url.Values{"method": {"password"}}).sets(t).to(t, 303)
				if next := b.flowAt(kind, to, page); next.messages(t) != message {
					t.Error(next.body)
				}
			})
		}
	})
}

func TestContractBrowserRegistration(t *testing.T) {
	t.Parallel()
	traits := func() object { return object{"email": testkit.Email(), "name": object{"first": "Ada"}} }
	sign := func(f answer, t object, w string) object {
		return object{"method": "password", "traits": t, "password": w, "csrf_token": ""}
	}
	contract(t, pages, []row{
		{"flows 5.2: step by step, by a script", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask(registrationInit).expect(t, 200)
			if got := f.names(t); got != "csrf_token:hidden traits.email:email traits.name.first:text traits.name.last:text method:submit" {
				t.Error(got)
			}
			who := traits()
			second := b.send(in.act(f), object{"method": "profile", "traits": who, "csrf_token": f.csrf(t)}).expect(t, 400).sets(t).is(t, "id", f.text(t, "id"))
			if second.messages(t) != "1040009" || second.node(t, "traits.email", who["email"].(string)) == nil || second.node(t, "screen", "previous") == nil || second.node(t, "password", "") == nil {
				t.Error(second.body)
			}
			first := b.send(in.act(f), object{"method": "profile", "screen": "previous", "traits": who, "csrf_token": f.csrf(t)}).expect(t, 400)
			if first.node(t, "password", "") != nil || first.node(t, "traits.email", who["email"].(string)) == nil {
				t.Error(first.body)
			}
			body := sign(f, who, passphrase)
			body["csrf_token"] = second.csrf(t)
			b.send(in.act(f), body).expect(t, 200)
		}},
		{"flows 5.2: step by step, by forms", func(t *testing.T, in *instance) {
			b := in.browser()
			at := b.page(registrationInit).to(t, 303)
			f := b.flowAt("registration", at, registrationPage)
			email := testkit.Email()
			values := url.Values{"method": {"profile"}, "traits.email": {"not an address"}, "csrf_token": {f.csrf(t)}}
			if to := b.post(in.act(f), values).to(t, 302); to != at {
				t.Errorf("led to %s", to)
			}
			values.Set("traits.email", email)
			if to := b.post(in.act(f), values).to(t, 303); to != at {
				t.Errorf("led to %s", to)
			}
			if f := b.flowAt("registration", at, registrationPage); f.messages(t) != "1040009" || f.node(t, "traits.email", email) == nil {
				t.Error(f.body)
			}
			values = url.Values{"method": {"password"}, "traits.email": {email}, "password": {"short"}, "csrf_token": {f.csrf(t)}}
			if to := b.post(in.act(f), values).sets(t).to(t, 302); to != at {
				t.Errorf("led to %s", to)
			}
			if f := b.flowAt("registration", at, registrationPage); f.messages(t) != "password=4000032" {
				t.Error(f.messages(t))
			}
			values.Set("password", passphrase)
			if to := b.post(in.act(f), values).sets(t, guard).to(t, 303); to != "https://app.example/welcome" {
				t.Errorf("led to %s", to)
			}
			in.login(email)
		}},
		{"flows 5.4: without the hook session nobody is signed in, and the anti-forgery cookie is new", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask(registrationInit+"?return_to=/app/x").expect(t, 200)
			body := sign(f, traits(), passphrase)
			body["csrf_token"] = f.csrf(t)
			a := b.send(in.act(f), body).expect(t, 200).sets(t, guard).has(t, "", "continue_with identity").has(t, "identity", identityKeys)
			a.is(t, "continue_with.0.action", "redirect_browser_to").is(t, "continue_with.0.redirect_browser_to", "https://app.example/app/x").is(t, "continue_with.1", nil)
			b.ask("/sessions/whoami").refused(t, 401, "session_inactive")
			if all := in.call("GET", in.admin+"/admin/identities/"+a.text(t, "identity.id")+"/sessions", nil).list(t); len(all) != 0 {
				t.Errorf("%v", all)
			}
		}},
		{"flows 5.3: somebody who is signed in already", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			b := in.browser()
			f := b.ask(registrationInit+"?return_to=/app/x").expect(t, 200)
			b.enter(email)
			body := sign(f, traits(), passphrase)
			body["csrf_token"] = f.csrf(t)
			b.send(in.act(f), body).refused(t, 400, "session_already_available").sets(t)
			if to := b.post(in.act(f), url.Values{"method": {"password"}}).sets(t).to(t, 302); to != "https://app.example/welcome" {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 5.3: what is wrong is told on the form", func(t *testing.T, in *instance) {
			taken := testkit.Email()
			in.register(taken)
			b := in.browser()
			f := b.ask(registrationInit).expect(t, 200)
			for want, body := range map[string]object{
				"password=4000002":     sign(f, traits(), ""),
				"password=4000032":     sign(f, traits(), "short"),
				"traits.email=4000002": sign(f, object{}, passphrase),
				"traits.email=4000040": sign(f, object{"email": "x"}, passphrase),
				"4000007":              sign(f, object{"email": strings.ToUpper(taken)}, passphrase),
				"4010003":              {"method": "nope"},
			} {
				body["csrf_token"] = f.csrf(t)
				if a := b.send(in.act(f), body).expect(t, 400).sets(t); a.messages(t) != want || strings.Contains(a.body, passphrase) {
					t.Errorf("want %s: %s", want, a.messages(t))
				}
			}
			if to := b.post(in.act(f), url.Values{"method": {"password"}, "traits.email": {taken}, "password": {passphrase}, "csrf_token": {f.csrf(t)}}).sets(t).to(t, 302); to != registrationPage+f.text(t, "id") {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 5.3: a form by a native client, and a native form by a browser", func(t *testing.T, in *instance) {
			b := in.browser()
			f, native := b.ask(registrationInit).expect(t, 200), in.begin("registration", "").expect(t, 200)
			in.signUp(f, passphrase, traits()).refused(t, 403, "security_csrf_violation")
			if a := in.signUp(native, passphrase, traits(), "Origin", in.public).expect(t, 400); a.messages(t) != "4000001" {
				t.Error(a.body)
			}
			if a := b.send(in.act(native), sign(native, traits(), passphrase)).expect(t, 400); a.messages(t) != "4000001" {
				t.Error(a.body)
			}
		}},
	})
	hook := "selfservice: {default_browser_return_url: 'https://app.example/', flows: {registration: {style: unified, after: {password: {hooks: [{hook: session}]}}}}}\n"
	contract(t, hook, []row{
		{"flows 5.4: with the hook session, by a script", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask(registrationInit).expect(t, 200)
			if got := f.names(t); got != "csrf_token:hidden traits.email:email password:password traits.name.first:text traits.name.last:text method:submit" {
				t.Error(got)
			}
			body := sign(f, traits(), passphrase)
			body["csrf_token"] = f.csrf(t)
			a := b.send(in.act(f), body).expect(t, 200).sets(t, guard, issued).has(t, "", "continue_with identity session")
			a.has(t, "continue_with.0", "action redirect_browser_to").is(t, "continue_with.0.redirect_browser_to", "https://app.example/").is(t, "continue_with.1", nil)
			if strings.Contains(a.body, "ory_s") {
				t.Error("a token is in the body")
			}
			b.ask("/sessions/whoami").expect(t, 200).is(t, "id", a.text(t, "session.id")).is(t, "identity.id", a.text(t, "identity.id"))
		}},
		{"flows 5.4: with the hook session, by a form", func(t *testing.T, in *instance) {
			b := in.browser()
			to := b.page(registrationInit).to(t, 303)
			f := b.flowAt("registration", to, in.public+"/ui/registration?flow=")
			values := url.Values{"method": {"password"}, "traits.email": {testkit.Email()}, "password": {passphrase}, "csrf_token": {f.csrf(t)}}
			if to := b.post(in.act(f), values).sets(t, guard, issued).to(t, 303); to != "https://app.example/" {
				t.Errorf("led to %s", to)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	})
}

// TestContractSecondFactor gives an identity a second factor behind the server's back, as no method sets one up yet.
func TestContractSecondFactor(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			before := start(t, dsn, pages)
			b, p := before.visitor()
			other, otherID := before.login(p.email)
			if err := before.stop(); err != nil {
				t.Fatal(err)
			}
			db := before.database()
			if _, err := db.Exec(`UPDATE identities SET available_aal = 2 WHERE id = $1`, p.id); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, pages)
			cookie := carrying(b.cookie())
			stepUp := in.public + loginInit + "?aal=aal2"
			t.Run("sessions 3.3: whoami asks for the second factor", func(t *testing.T) {
				a := in.on(t).call("GET", in.public+"/sessions/whoami", nil, "Cookie", cookie).refused(t, 403, "session_aal2_required").sets(t)
				a.is(t, "redirect_browser_to", stepUp).is(t, "error.details.redirect_browser_to", stepUp)
			})
			t.Run("sessions W18: one factor does not end other sessions", func(t *testing.T) {
				in := in.on(t)
				in.call("DELETE", in.public+"/sessions", nil, "Cookie", cookie).refused(t, 403, "session_aal2_required")
				in.call("DELETE", in.public+"/sessions/"+otherID, nil, "Cookie", cookie).refused(t, 403, "session_aal2_required")
				in.whoami(other).refused(t, 403, "session_aal2_required")
			})
			t.Run("flows 4.4: a sign-in by a script is sent on to the second factor, with its cookies", func(t *testing.T) {
				b := in.on(t).browser()
				f := b.ask(loginInit+"?return_to=/app/x").expect(t, 200)
				a := b.send(in.act(f), typed(f, p.email, passphrase, t)).refused(t, 422, "browser_location_change_required").sets(t, guard, issued)
				a.is(t, "redirect_browser_to", stepUp+"&return_to="+url.QueryEscape("https://app.example/app/x"))
				b.ask("/sessions/whoami").refused(t, 403, "session_aal2_required")
			})
			t.Run("flows 4.4: a sign-in by a form likewise", func(t *testing.T) {
				b := in.on(t).browser()
				f := b.ask(loginInit).expect(t, 200)
				if to := b.post(in.act(f), form(typed(f, p.email, passphrase, t))).sets(t, guard, issued).to(t, 303); to != stepUp {
					t.Errorf("led to %s", to)
				}
			})
			t.Run("sessions 1.1: logout asks for no second factor", func(t *testing.T) {
				in := in.on(t)
				a := in.call("GET", in.public+"/self-service/logout/browser", nil, "Cookie", cookie, "Accept", asJSON).expect(t, 200)
				in.call("GET", a.text(t, "logout_url"), nil, "Cookie", cookie, "Accept", asJSON).expect(t, 204).sets(t, removed, guard)
				in.gone(b.cookie())
				in.logout(other).expect(t, 204)
			})
		})
	}
}

// A page with the Referrer-Policy no-referrer keeps its origin to itself, and so does whoever hides theirs.
func TestAFormThatHidesItsOriginIsOfAPageOfOnesOwnAtMost(t *testing.T) {
	t.Parallel()
	contract(t, pages, []row{
		{"a page of one's own may", func(t *testing.T, in *instance) {
			p := in.person()
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			b.post(in.act(f), form(typed(f, p.email, passphrase, t)), "Origin", "null", "Sec-Fetch-Site", "same-site").to(t, 303)
			b.ask("/sessions/whoami").expect(t, 200).is(t, "identity.id", p.id)
		}},
		{"a page of another site may not", func(t *testing.T, in *instance) {
			p := in.person()
			b := in.browser()
			f := b.ask(loginInit).expect(t, 200)
			b.send(in.act(f), typed(f, p.email, passphrase, t), "Origin", "null", "Sec-Fetch-Site", "cross-site").refused(t, 403, "security_csrf_violation").sets(t)
		}},
		{"a host beside ours may not have a flow of its own submitted", func(t *testing.T, in *instance) {
			attacker, victim, p := in.browser(), in.browser(), in.person()
			f := attacker.ask(loginInit).expect(t, 200)
			victim.ask(loginInit).expect(t, 200)
			planted := in.csrfName() + "=" + attacker.held(in.csrfName())
			body := form(typed(f, p.email, passphrase, t))
			for _, site := range []string{"same-site", ""} {
				victim.post(in.act(f), body, "Origin", "null", "Sec-Fetch-Site", site, "Cookie", planted, "Accept", asJSON).refused(t, 403, "security_csrf_violation").sets(t)
			}
			if victim.cookie() != "" {
				t.Error("the victim is signed in as the attacker")
			}
		}},
	})
}
