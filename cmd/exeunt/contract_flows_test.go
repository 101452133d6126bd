package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

const (
	loginKeys        = "created_at expires_at id issued_at organization_id refresh request_url requested_aal state type ui updated_at"
	registrationKeys = "expires_at id issued_at organization_id request_url state type ui"
	returns          = `
selfservice:
  default_browser_return_url: https://app.example/
  allowed_return_urls: [https://app.example/app]
`
)

func TestContractLoginFlow(t *testing.T) {
	t.Parallel()
	contract(t, returns, []row{
		{"flows 4.1: a new flow", func(t *testing.T, in *instance) {
			a := in.begin("login", "").expect(t, 200).has(t, "", loginKeys).has(t, "ui", "action method nodes")
			a.is(t, "type", "api").is(t, "state", "choose_method").is(t, "refresh", false).is(t, "requested_aal", "aal1").is(t, "organization_id", nil)
			a.is(t, "ui.method", "POST").is(t, "ui.action", in.public+"/self-service/login?flow="+a.text(t, "id"))
			a.is(t, "request_url", in.public+"/self-service/login/api")
			if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore || a.header["Set-Cookie"] != nil {
				t.Errorf("headers %v", a.header)
			}
			issued, err1 := time.Parse(time.RFC3339Nano, a.text(t, "issued_at"))
			expires, err2 := time.Parse(time.RFC3339Nano, a.text(t, "expires_at"))
			if err1 != nil || err2 != nil || expires.Sub(issued) <= 0 {
				t.Errorf("from %v to %v", issued, expires)
			}
		}},
		{"flows 4.2: the form", func(t *testing.T, in *instance) {
			a := in.begin("login", "").expect(t, 200)
			if got := a.names(t); got != "csrf_token:hidden identifier:text password:password method:submit" {
				t.Error(got)
			}
			for i := range 4 {
				a.has(t, "ui.nodes."+string(rune('0'+i)), "attributes group messages meta type").is(t, "ui.nodes."+string(rune('0'+i))+".type", "input")
			}
			a.has(t, "ui.nodes.0.attributes", "disabled name node_type required type value").is(t, "ui.nodes.0.attributes.value", "")
			a.has(t, "ui.nodes.0.meta", "")
			a.is(t, "ui.nodes.1.group", "default").is(t, "ui.nodes.1.attributes.value", "").is(t, "ui.nodes.1.meta.label.id", 1070002)
			a.is(t, "ui.nodes.1.meta.label.context.name", "traits.email").is(t, "ui.nodes.1.meta.label.context.title", "E-Mail")
			a.is(t, "ui.nodes.2.group", "password").is(t, "ui.nodes.2.attributes.autocomplete", "current-password").is(t, "ui.nodes.2.meta.label.id", 1070001)
			a.has(t, "ui.nodes.2.attributes", "autocomplete disabled name node_type required type")
			a.is(t, "ui.nodes.3.attributes.value", "password").is(t, "ui.nodes.3.meta.label.id", 1010022).is(t, "ui.nodes.3.attributes.node_type", "input")
			if !strings.Contains(a.body, `"messages":[]`) {
				t.Error("messages of a node are no array")
			}
		}},
		{"flows 4.1: return_to", func(t *testing.T, in *instance) {
			for to, want := range map[string]string{
				"https://app.example/app/x?y=1": "https://app.example/app/x?y=1", "HTTPS://APP.example/app": "https://app.example/app",
				"/app/z": "https://app.example/app/z", in.public + "/self-service/settings/browser": in.public + "/self-service/settings/browser",
			} {
				in.begin("login", "?return_to="+url.QueryEscape(to)).expect(t, 200).is(t, "return_to", want)
			}
			in.begin("login", "?return_to=").expect(t, 200).has(t, "", loginKeys)
			for _, to := range []string{"https://app.example/apple", "https://app.example/app/../x", "http://app.example/app", "//evil.example/app",
				"https://app.example.evil.example/app", in.public + "/schemas", "https://app.example/", "/other"} {
				in.begin("login", "?return_to="+url.QueryEscape(to)).refused(t, 400, "self_service_flow_return_to_forbidden")
			}
			for _, to := range []string{"javascript:alert(1)", `https:\\evil.example`, "https:evil.example", "https://a@app.example/app", "https://app.example/app\n", "%zz", "http://[::1"} {
				in.begin("login", "?return_to="+url.QueryEscape(to)).refused(t, 400, "return_to_malformed")
			}
		}},
		{"flows 4.1: aal", func(t *testing.T, in *instance) {
			in.begin("login", "?aal=AAL1").expect(t, 200)
			in.begin("login", "?aal=aal2").refused(t, 401, "session_aal1_required")
			in.begin("login", "?aal=aal9").refused(t, 400, "aal_invalid")
			p := in.person()
			a := in.begin("login", "?aal=aal2", "X-Session-Token", p.token).expect(t, 200).is(t, "requested_aal", "aal2")
			if a.messages(t) != "1010004" || a.names(t) != "csrf_token:hidden" {
				t.Errorf("%s, %s", a.messages(t), a.names(t))
			}
			b := in.signIn(a, p.email, passphrase, "X-Session-Token", p.token).expect(t, 400)
			if b.messages(t) != "4010002" {
				t.Error(b.messages(t))
			}
			in.signIn(a, p.email, passphrase).refused(t, 401, "session_aal1_required")
		}},
		{"flows 4.1: identity_schema and organization", func(t *testing.T, in *instance) {
			in.begin("login", "?identity_schema=default").expect(t, 200).is(t, "identity_schema", "default")
			in.begin("login", "?identity_schema=nope").refused(t, 400, "identity_schema_not_selectable")
			id := uuid.NewString()
			in.begin("login", "?organization="+id).expect(t, 200).is(t, "organization_id", id)
			in.begin("login", "?organization=x").expect(t, 200).is(t, "organization_id", nil)
		}},
		{"flows 4.1: whoever is signed in has nothing to do", func(t *testing.T, in *instance) {
			p := in.person()
			in.begin("login", "", "X-Session-Token", p.token).refused(t, 400, "session_already_available")
			in.begin("login", "", "Authorization", "Bearer "+p.token).refused(t, 400, "session_already_available")
			in.logout(p.token).expect(t, 204)
			in.begin("login", "", "X-Session-Token", p.token).expect(t, 200)
		}},
		{"flows 4.1: a session of a deactivated identity is none", func(t *testing.T, in *instance) {
			p := in.person()
			in.state(p.id, "inactive").expect(t, 200)
			in.begin("login", "", "X-Session-Token", p.token).expect(t, 200)
			in.begin("registration", "", "X-Session-Token", p.token).expect(t, 200)
		}},
		{"flows 4.3: fetch", func(t *testing.T, in *instance) {
			a := in.begin("login", "").expect(t, 200)
			b := in.call("GET", in.public+"/self-service/login/flows?id="+a.text(t, "id"), nil, "Accept", "text/html").expect(t, 200)
			if a.body != b.body {
				t.Errorf("the flow has changed:\n%s\n%s", a.body, b.body)
			}
			for _, id := range []string{"", "nope", uuid.NewString(), in.begin("registration", "").text(t, "id")} {
				in.call("GET", in.public+"/self-service/login/flows?id="+id, nil).refused(t, 404, "flow_not_found").is(t, "error.message", "Unable to locate the resource")
			}
			in.call("GET", in.public+"/self-service/login/flows", nil).refused(t, 404, "flow_not_found")
			in.call("GET", in.public+"/self-service/registration/flows?id="+a.text(t, "id"), nil).refused(t, 404, "flow_not_found")
		}},
		{"flows 4.4: success", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email)
			a := in.signIn(in.begin("login", ""), email, passphrase).expect(t, 200)
			a.has(t, "", "continue_with session session_token").has(t, "session", sessionKeys).has(t, "session.identity", identityKeys)
			a.is(t, "continue_with", nil).is(t, "session.active", true).is(t, "session.identity.id", id)
			if a.header["Set-Cookie"] != nil || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore {
				t.Errorf("headers %v", a.header)
			}
			in.whoami(a.text(t, "session_token")).expect(t, 200).is(t, "id", a.text(t, "session.id")).is(t, "expires_at", a.text(t, "session.expires_at"))
		}},
		{"flows 4.4: the identifier is trimmed and folded, the password taken literally", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			in.signIn(in.begin("login", ""), "  "+strings.ToUpper(email)+" ", passphrase).expect(t, 200)
			in.signIn(in.begin("login", ""), email, passphrase+" ").expect(t, 400)
		}},
		{"flows 4.4: password_identifier", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			in.call("POST", in.begin("login", "").text(t, "ui.action"), object{"method": "password", "password_identifier": email, "password": passphrase}).expect(t, 200)
		}},
		{"flows 4.4: a form body", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			form := url.Values{"method": {"password"}, "identifier": {email}, "password": {passphrase}}.Encode()
			in.call("POST", in.begin("login", "").text(t, "ui.action"), form, "Content-Type", "application/x-www-form-urlencoded").expect(t, 200)
		}},
		{"flows 4.4: wrong password", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "")
			a := in.signIn(f, p.email, "wrong wrong wrong").expect(t, 400).has(t, "", loginKeys).has(t, "ui", "action messages method nodes")
			if a.messages(t) != "4000006" || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header["Ory-Error-Id"] != nil {
				t.Errorf("%s, %v", a.messages(t), a.header)
			}
			if a.node(t, "identifier", p.email) == nil || strings.Contains(a.body, "wrong wrong") {
				t.Errorf("the identifier has to be kept and the password not: %s", a.body)
			}
			again := in.call("GET", in.public+"/self-service/login/flows?id="+f.text(t, "id"), nil).expect(t, 200)
			if again.messages(t) != "4000006" {
				t.Error(again.messages(t))
			}
			in.signIn(f, p.email, passphrase).expect(t, 200)
		}},
		{"flows 4.4: an unknown identifier gets the same answer", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.signIn(in.begin("login", ""), p.email, "wrong wrong wrong").expect(t, 400)
			b := in.signIn(in.begin("login", ""), testkit.Email(), "wrong wrong wrong").expect(t, 400)
			if a.messages(t) != "4000006" || b.messages(t) != "4000006" || a.keys(t, "ui") != b.keys(t, "ui") || a.names(t) != b.names(t) {
				t.Errorf("%s\n%s", a.body, b.body)
			}
		}},
		{"flows 4.4: missing values", func(t *testing.T, in *instance) {
			f := in.begin("login", "")
			for want, body := range map[string]object{
				"password=4000002":                    {"method": "password", "identifier": "x"},
				"identifier=4000002":                  {"method": "password", "password": "x", "identifier": ""},
				"identifier=4000002 password=4000002": {"method": "password", "password": ""},
				"4010002":                             {"identifier": "x", "password": "y"},
			} {
				if a := in.call("POST", f.text(t, "ui.action"), body).expect(t, 400); a.messages(t) != want {
					t.Errorf("%s, want %s", a.messages(t), want)
				}
			}
			for _, method := range []any{"nope", "", nil, 7, object{}, "profile"} {
				if a := in.call("POST", f.text(t, "ui.action"), object{"method": method}).expect(t, 400); a.messages(t) != "4010002" {
					t.Errorf("%v: %s", method, a.messages(t))
				}
			}
		}},
		{"flows 4.4: a method that is known but not enabled", func(t *testing.T, in *instance) {
			for _, method := range []string{"oidc", "passkey", "totp", "code"} {
				in.call("POST", in.begin("login", "").text(t, "ui.action"), object{"method": method}).refused(t, 404, "method_disabled")
			}
		}},
		{"flows 4.4: which flow", func(t *testing.T, in *instance) {
			for query, want := range map[string]string{"": "flow_missing", "?flow=": "flow_missing", "?flow=nope": "flow_missing", "?id=" + uuid.NewString(): "flow_missing"} {
				in.call("POST", in.public+"/self-service/login"+query, object{}).refused(t, 400, want)
			}
			in.call("POST", in.public+"/self-service/login?flow="+uuid.NewString(), object{}).refused(t, 404, "flow_not_found")
			f := in.begin("registration", "")
			in.call("POST", in.public+"/self-service/login?flow="+f.text(t, "id"), object{}).refused(t, 404, "flow_not_found")
		}},
		{"flows 4.4: whoever is signed in already", func(t *testing.T, in *instance) {
			p := in.person()
			for _, password := range []string{passphrase, "wrong"} {
				if a := in.signIn(in.begin("login", ""), p.email, password, "X-Session-Token", p.token).expect(t, 400); a.messages(t) != "4000001" {
					t.Error(a.messages(t))
				}
			}
			if n := len(in.sessionsOf(p.id)); n != 1 {
				t.Errorf("%d sessions", n)
			}
		}},
		{"flows 4.4: a deactivated identity", func(t *testing.T, in *instance) {
			p := in.person()
			in.state(p.id, "inactive").expect(t, 200)
			if a := in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400); a.messages(t) != "4010011" {
				t.Error(a.messages(t))
			}
			if a := in.signIn(in.begin("login", ""), p.email, "wrong"); a.messages(t) != "4000006" {
				t.Error(a.messages(t))
			}
			in.state(p.id, "active").expect(t, 200)
			in.login(p.email)
		}},
		{"flows 1.5: traces of a browser in an API flow", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "")
			for _, header := range [][]string{{"Origin", "https://app.example"}, {"Origin", "null"}, {"Cookie", "a=b"}, {"Cookie", "__cf_bm=1; a=b"}} {
				if a := in.signIn(f, p.email, passphrase, header...).expect(t, 400); a.messages(t) != "4000001" {
					t.Errorf("%v: %s", header, a.messages(t))
				}
			}
			in.signIn(f, p.email, passphrase, "Cookie", "__cf_bm=1; cf_clearance=2; _cfuvid=3").expect(t, 200)
		}},
		{"flows 1.7: bodies that cannot be read come back as the flow", func(t *testing.T, in *instance) {
			f := in.begin("login", "")
			for body, contentType := range map[string]string{
				"": "application/json", "{": "application/json", "[]": "application/json", `{"a":1}{}`: "application/json", `{"a":"\u0000"}`: "application/json",
				`{"a":1,"a":2}`: "application/json", "{}": "", "{} ": "text/plain", "a=b": "multipart/form-data; boundary=x", "a=%zz": "application/x-www-form-urlencoded",
				"a=1&a=2": "application/x-www-form-urlencoded", "a=%00": "application/x-www-form-urlencoded", "a=%ff": "application/x-www-form-urlencoded",
			} {
				a := in.call("POST", f.text(t, "ui.action"), body, "Content-Type", contentType).expect(t, 400)
				if a.messages(t) != "4000001" || a.text(t, "id") != f.text(t, "id") {
					t.Errorf("%q as %q: %s", body, contentType, a.messages(t))
				}
			}
			in.call("POST", f.text(t, "ui.action"), `{"a":"`+strings.Repeat("x", 2<<20)+`"}`).refused(t, 413, "body_too_large")
		}},
		{"flows 1.7: numbers and booleans for texts are taken literally", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.create(object{"traits": object{"email": email}, "credentials": clear("12345678")}).expect(t, 201)
			in.call("POST", in.begin("login", "").text(t, "ui.action"), object{"method": "password", "identifier": email, "password": 12345678}).expect(t, 200)
		}},
		{"flows 4.5: refresh", func(t *testing.T, in *instance) {
			p := in.person()
			before := in.whoami(p.token)
			f := in.begin("login", "?refresh=true", "X-Session-Token", p.token).expect(t, 200).is(t, "refresh", true)
			if f.messages(t) != "1010003" || f.names(t) != "csrf_token:hidden identifier:hidden password:password method:submit" || f.node(t, "identifier", p.email) == nil {
				t.Errorf("%s, %s", f.messages(t), f.names(t))
			}
			f.is(t, "ui.nodes.3.meta.label.id", 1010001)
			wrong := in.signIn(f, p.email, "wrong", "X-Session-Token", p.token).expect(t, 400)
			if wrong.messages(t) != "4000006" || wrong.names(t) != f.names(t) {
				t.Errorf("%s, %s", wrong.messages(t), wrong.names(t))
			}
			a := in.signIn(f, p.email, passphrase, "X-Session-Token", p.token).expect(t, 200).is(t, "session.id", p.session)
			token := a.text(t, "session_token")
			if token == "" || token == p.token {
				t.Error("a refresh handed out no new token")
			}
			in.whoami(p.token).expect(t, 200).is(t, "id", p.session) // for what is under way in another tab
			after := in.whoami(token).expect(t, 200).is(t, "id", p.session)
			for _, path := range []string{"authenticated_at", "issued_at", "expires_at"} {
				if after.text(t, path) <= before.text(t, path) {
					t.Errorf("%s has not moved", path)
				}
			}
			if len(after.json(t, "authentication_methods").([]any)) != 2 || len(after.json(t, "devices").([]any)) != 2 {
				t.Error(after.body)
			}
			if n := len(in.sessionsOf(p.id)); n != 1 {
				t.Errorf("%d sessions", n)
			}
		}},
		{"flows 4.5: refresh without a session is an ordinary flow", func(t *testing.T, in *instance) {
			in.begin("login", "?refresh=true").expect(t, 200).is(t, "refresh", false)
			in.begin("login", "?refresh=maybe").expect(t, 200).is(t, "refresh", false)
		}},
		{"flows 4.5: refresh with somebody else's password is refused", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			f := in.begin("login", "?refresh=true", "X-Session-Token", p.token).expect(t, 200)
			if a := in.signIn(f, q.email, passphrase, "X-Session-Token", p.token).expect(t, 400); a.messages(t) != "4000006" {
				t.Error(a.messages(t))
			}
			in.whoami(p.token).expect(t, 200).is(t, "identity.id", p.id)
			if len(in.sessionsOf(p.id)) != 1 || len(in.sessionsOf(q.id)) != 1 {
				t.Error("a session was started")
			}
		}},
		{"flows 4.5: a refresh does not bring back a session that has ended meanwhile", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?refresh=true", "X-Session-Token", p.token).expect(t, 200)
			in.logout(p.token).expect(t, 204)
			a := in.signIn(f, p.email, passphrase, "X-Session-Token", p.token)
			if a.status == 200 && a.text(t, "session.id") == p.session {
				t.Error("the ended session is back")
			}
			in.whoami(p.token).refused(t, 401, "session_inactive")
		}},
		{"flows 2: wrong methods", func(t *testing.T, in *instance) {
			for path, allow := range map[string]string{"/self-service/login/api": "GET, HEAD", "/self-service/login/flows": "GET, HEAD", "/self-service/login": "POST",
				"/self-service/registration/api": "GET, HEAD", "/self-service/registration/flows": "GET, HEAD", "/self-service/registration": "POST"} {
				if a := in.call("DELETE", in.public+path, nil).refused(t, 405, "method_not_allowed"); a.header.Get("Allow") != allow {
					t.Errorf("%s: %q", path, a.header.Get("Allow"))
				}
			}
		}},
		{"flows 1.4: X-Request-ID", func(t *testing.T, in *instance) {
			in.begin("login", "?aal=x", "X-Request-ID", "req-123").refused(t, 400, "aal_invalid").is(t, "error.request", "req-123")
		}},
	})
}

func TestContractExpiredFlow(t *testing.T) {
	t.Parallel()
	extra := `
selfservice:
  default_browser_return_url: https://app.example/
  allowed_return_urls: [https://app.example/]
  flows: {login: {lifespan: 1s}, registration: {lifespan: 1s}}
`
	onEachEngine(t, extra, func(t *testing.T, in *instance) {
		for kind, message := range map[string]string{"login": "4010001", "registration": "4040001"} {
			f := in.begin(kind, "?return_to=https://app.example/x").expect(t, 200)
			fetch := in.public + "/self-service/" + kind + "/flows?id=" + f.text(t, "id")
			until(t, func() bool { return in.call("GET", fetch, nil).status == 410 })
			t.Run("flows 4.3: an expired "+kind+" flow", func(t *testing.T) {
				a := in.on(t).call("GET", fetch, nil).refused(t, 410, "self_service_flow_expired")
				a.is(t, "error.details.api", in.public+"/self-service/"+kind+"/api")
			})
			t.Run("flows 4.4: an expired "+kind+" flow is replaced", func(t *testing.T) {
				in := in.on(t)
				a := in.call("POST", f.text(t, "ui.action"), object{"method": "password"}).refused(t, 410, "self_service_flow_expired")
				a.has(t, "", "error expired_at since use_flow_id").is(t, "expired_at", f.text(t, "expires_at"))
				if since, ok := a.json(t, "since").(float64); !ok || since <= 0 {
					t.Errorf("since %v", a.json(t, "since"))
				}
				next := in.call("GET", in.public+"/self-service/"+kind+"/flows?id="+a.text(t, "use_flow_id"), nil).expect(t, 200)
				next.is(t, "return_to", "https://app.example/x").is(t, "request_url", f.text(t, "request_url"))
				if next.messages(t) != message {
					t.Error(next.messages(t))
				}
				next.has(t, "ui.messages.0.context", "expired_at expired_at_unix")
			})
		}
	})
}

func TestContractRegistrationFlow(t *testing.T) {
	t.Parallel()
	traits := func() object { return object{"email": testkit.Email()} }
	rows := []row{
		{"flows 5.1: a new flow", func(t *testing.T, in *instance) {
			a := in.begin("registration", "?refresh=true").expect(t, 200).has(t, "", registrationKeys).is(t, "type", "api").is(t, "state", "choose_method")
			a.is(t, "organization_id", nil).is(t, "ui.action", in.public+"/self-service/registration?flow="+a.text(t, "id"))
		}},
		{"flows 5.1: whoever is signed in", func(t *testing.T, in *instance) {
			p := in.person()
			in.begin("registration", "", "X-Session-Token", p.token).refused(t, 400, "session_already_available")
			in.signUp(in.begin("registration", ""), passphrase, traits(), "X-Session-Token", p.token).refused(t, 400, "session_already_available")
		}},
		{"flows 5.2: step by step", func(t *testing.T, in *instance) {
			f := in.begin("registration", "").expect(t, 200)
			first := "csrf_token:hidden traits.email:email traits.name.first:text traits.name.last:text method:submit"
			if got := f.names(t); got != first || f.node(t, "method", "profile") == nil {
				t.Error(got)
			}
			f.is(t, "ui.nodes.1.attributes.required", true).is(t, "ui.nodes.1.attributes.autocomplete", "email").is(t, "ui.nodes.4.group", "profile")
			f.is(t, "ui.nodes.1.meta.label.id", 1070002).is(t, "ui.nodes.4.meta.label.id", 1040001)
			who := traits()
			bad := in.call("POST", f.text(t, "ui.action"), object{"method": "profile", "traits": object{"email": "x"}}).expect(t, 400)
			if bad.names(t) != first || !strings.Contains(bad.messages(t), "traits.email=4000040") {
				t.Errorf("%s, %s", bad.names(t), bad.messages(t))
			}
			second := in.call("POST", f.text(t, "ui.action"), object{"method": "profile", "traits": who}).expect(t, 400)
			want := "csrf_token:hidden traits.email:hidden traits.name.first:hidden traits.name.last:hidden password:password method:submit screen:submit"
			if second.names(t) != want || second.messages(t) != "1040009" || second.node(t, "traits.email", who["email"].(string)) == nil || second.node(t, "screen", "previous") == nil {
				t.Errorf("%s, %s", second.names(t), second.messages(t))
			}
			back := in.call("POST", f.text(t, "ui.action"), object{"method": "profile", "screen": "previous", "traits": who}).expect(t, 400)
			if back.names(t) != first || back.messages(t) != "" || back.node(t, "traits.email", who["email"].(string)) == nil {
				t.Errorf("%s, %s", back.names(t), back.messages(t))
			}
			in.signUp(f, passphrase, who).expect(t, 200)
		}},
		{"flows 5.3: one submission from the first step", func(t *testing.T, in *instance) {
			who := traits()
			a := in.signUp(in.begin("registration", ""), passphrase, who).expect(t, 200).has(t, "", "continue_with identity").has(t, "identity", identityKeys)
			a.is(t, "continue_with", nil).is(t, "identity.traits.email", who["email"]).is(t, "identity.state", "active")
		}},
		{"flows 5.4: no ghost session without the hook", func(t *testing.T, in *instance) {
			a := in.signUp(in.begin("registration", ""), passphrase, traits()).expect(t, 200)
			if all := in.sessionsOf(a.text(t, "identity.id")); len(all) != 0 {
				t.Errorf("%v", all)
			}
		}},
		{"flows 5.3: dotted names, in JSON and in a form", func(t *testing.T, in *instance) {
			email := testkit.Email()
			body := object{"method": "password", "password": passphrase, "traits.email": email, "traits.name.first": "Ada"}
			in.call("POST", in.begin("registration", "").text(t, "ui.action"), body).expect(t, 200).is(t, "identity.traits.name.first", "Ada")
			form := url.Values{"method": {"password"}, "password": {passphrase}, "traits.email": {testkit.Email()}, "traits.name.last": {"L"}}.Encode()
			a := in.call("POST", in.begin("registration", "").text(t, "ui.action"), form, "Content-Type", "application/x-www-form-urlencoded").expect(t, 200)
			a.is(t, "identity.traits.name.last", "L")
		}},
		{"flows 1.7: a missing nested object is not made up", func(t *testing.T, in *instance) {
			a := in.signUp(in.begin("registration", ""), passphrase, traits()).expect(t, 200)
			a.has(t, "identity.traits", "email")
		}},
		{"flows 5.3: transient_payload is not kept", func(t *testing.T, in *instance) {
			f := in.begin("registration", "")
			a := in.call("POST", f.text(t, "ui.action"), object{"method": "password", "traits": object{"email": "x"}, "transient_payload": object{"k": "remember-me-not"}}).expect(t, 400)
			if strings.Contains(a.body, "remember-me-not") {
				t.Error(a.body)
			}
		}},
		{"flows 5.3: identifier taken, by case too", func(t *testing.T, in *instance) {
			p := in.person()
			for _, email := range []string{p.email, strings.ToUpper(p.email)} {
				a := in.signUp(in.begin("registration", ""), passphrase, object{"email": email}).expect(t, 400)
				if a.messages(t) != "4000007" {
					t.Error(a.messages(t))
				}
			}
		}},
		{"flows 5.3: the form keeps what was typed, and no password", func(t *testing.T, in *instance) {
			a := in.signUp(in.begin("registration", ""), "short", object{"email": "keep@example.org", "name": object{"first": "Kept"}}).expect(t, 400)
			if a.node(t, "traits.name.first", "Kept") == nil || strings.Contains(a.body, `"short"`) {
				t.Error(a.body)
			}
		}},
		{"flows 5.3: which flow", func(t *testing.T, in *instance) {
			in.call("POST", in.public+"/self-service/registration", object{}).refused(t, 400, "flow_missing")
			in.call("POST", in.public+"/self-service/registration?flow="+uuid.NewString(), object{}).refused(t, 404, "flow_not_found")
		}},
		{"flows 1.6: return_to", func(t *testing.T, in *instance) {
			in.begin("registration", "?return_to=https://evil.example/").refused(t, 400, "self_service_flow_return_to_forbidden")
		}},
		{"flows 5.4: one flow registers one person after the other", func(t *testing.T, in *instance) {
			f := in.begin("registration", "")
			in.signUp(f, passphrase, traits()).expect(t, 200)
			in.signUp(f, passphrase, traits()).expect(t, 200)
		}},
	}
	for _, c := range []struct {
		name, password string
		traits         any
		want           string
	}{
		{"password missing", "", traits(), "password=4000002"},
		{"password too short", "abc", traits(), "password=4000032"},
		{"password like the identifier", "similarity@example.or", object{"email": "similarity@example.org"}, "password=4000031"},
		{"password too long", strings.Repeat("long ", 300), traits(), "password=4000033"},
		{"required trait missing", passphrase, object{}, "traits.email=4000002"},
		{"no traits", passphrase, nil, "traits.email=4000002"},
		{"bad e-mail", passphrase, object{"email": "no address"}, "traits.email=4000040"},
		{"several faults", "abc", object{"email": "no address", "name": object{"first": 7}}, "traits.email=4000040 traits.name.first=4000026"},
		{"unknown trait", passphrase, object{"email": "u@example.org", "x": 1}, "traits=4000001"},
		{"wrong type", passphrase, object{"email": "u@example.org", "name": "x"}, "traits.name=4000026"},
		{"traits of a wrong type", passphrase, "x", "traits=4000001"},
	} {
		rows = append(rows, row{"flows 5.3: " + c.name, func(t *testing.T, in *instance) {
			a := in.signUp(in.begin("registration", ""), c.password, c.traits).expect(t, 400)
			if got := a.messages(t); got != c.want {
				t.Errorf("%s, want %s\n%s", got, c.want, a.body)
			}
		}})
	}
	rows = append(rows, row{"flows 5.3: contexts of the messages", func(t *testing.T, in *instance) {
		a := in.signUp(in.begin("registration", ""), "abc", traits()).expect(t, 400)
		context := a.node(t, "password", "")["messages"].([]any)[0].(map[string]any)["context"].(map[string]any)
		if context["min_length"] != float64(8) || context["actual_length"] != float64(3) {
			t.Errorf("%v", context)
		}
	}}, row{"flows 5.3: unknown or no method", func(t *testing.T, in *instance) {
		for _, method := range []any{"x", nil, ""} {
			a := in.call("POST", in.begin("registration", "").text(t, "ui.action"), object{"method": method, "traits": traits()}).expect(t, 400)
			if a.messages(t) != "4010003" {
				t.Error(a.messages(t))
			}
		}
	}})
	contract(t, "", rows)
}

func TestContractUnifiedRegistration(t *testing.T) {
	t.Parallel()
	extra := `
selfservice: {flows: {registration: {style: unified, login_hints: true, after: {password: {hooks: [{hook: session}]}}},
  login: {after: {password: {hooks: [{hook: revoke_active_sessions}]}}}}}
`
	contract(t, extra, []row{
		{"flows 5.2: one form", func(t *testing.T, in *instance) {
			f := in.begin("registration", "").expect(t, 200)
			want := "csrf_token:hidden traits.email:email password:password traits.name.first:text traits.name.last:text method:submit"
			if f.names(t) != want || f.node(t, "method", "password") == nil {
				t.Error(f.names(t))
			}
			f.is(t, "ui.nodes.2.attributes.autocomplete", "new-password").is(t, "ui.nodes.2.group", "password").is(t, "ui.nodes.5.meta.label.id", 1040001)
			a := in.call("POST", f.text(t, "ui.action"), object{"method": "profile", "traits": object{"email": testkit.Email()}}).expect(t, 400)
			if a.messages(t) != "4010003" {
				t.Error(a.messages(t))
			}
		}},
		{"flows 5.4: with the hook session", func(t *testing.T, in *instance) {
			a := in.signUp(in.begin("registration", ""), passphrase, object{"email": testkit.Email()}).expect(t, 200)
			a.has(t, "", "continue_with identity session session_token").has(t, "session", sessionKeys)
			token := a.text(t, "session_token")
			a.is(t, "continue_with.0.action", "set_ory_session_token").is(t, "continue_with.0.ory_session_token", token)
			in.whoami(token).expect(t, 200).is(t, "id", a.text(t, "session.id")).is(t, "identity.id", a.text(t, "identity.id"))
			in.logout(token).expect(t, 204)
			in.whoami(token).expect(t, 401)
		}},
		{"flows 5.3: a taken identifier with login_hints", func(t *testing.T, in *instance) {
			email := testkit.Email()
			in.register(email)
			a := in.signUp(in.begin("registration", ""), passphrase, object{"email": email}).expect(t, 400)
			if a.messages(t) != "4000028" {
				t.Error(a.messages(t))
			}
			a.is(t, "ui.messages.0.context.credential_identifier_hint", email).is(t, "ui.messages.0.context.available_credential_types.0", "password")
		}},
		{"flows 4: the hook revoke_active_sessions leaves one session", func(t *testing.T, in *instance) {
			p, bystander := in.person(), in.person()
			second, _ := in.login(p.email)
			in.whoami(p.token).refused(t, 401, "session_inactive")
			in.whoami(second).expect(t, 200)
			in.whoami(bystander.token).expect(t, 200)
			in.logout(p.token).expect(t, 204)
		}},
	})
}

func TestContractDisabled(t *testing.T) {
	t.Parallel()
	contract(t, "selfservice: {flows: {registration: {enabled: false}}, methods: {password: {enabled: false}}}\n", []row{
		{"flows 5.1: registration is disabled", func(t *testing.T, in *instance) {
			in.begin("registration", "").refused(t, 400, "self_service_flow_disabled")
		}},
		{"flows 4.2: the password method is disabled", func(t *testing.T, in *instance) {
			f := in.begin("login", "").expect(t, 200)
			if f.node(t, "password", "") != nil {
				t.Error(f.body)
			}
			in.signIn(f, "x@example.org", passphrase).refused(t, http.StatusNotFound, "method_disabled")
		}},
	})
}
