package main

import (
	"encoding/base64"
	"image/png"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestContractFactors(t *testing.T) {
	t.Parallel()
	contract(t, factors, []row{
		{"flows 9: what settings show of an app that is not set up", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...).expect(t, 200)
			if got := f.group(t, "totp"); got != "totp_qr totp_secret_key totp_code method" {
				t.Errorf("%s", got)
			}
			qr := f.attribute(t, "totp_qr")
			src := qr["attributes"].(map[string]any)["src"].(string)
			b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(src, "data:image/png;base64,"))
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.DecodeConfig(strings.NewReader(string(b)))
			if err != nil || img.Width != 256 || img.Height != 256 || qr["type"] != "img" || qr["meta"].(map[string]any)["label"].(map[string]any)["id"] != 1050005.0 {
				t.Errorf("%v %+v %v", err, img, qr["meta"])
			}
			if s := f.secret(t); !regexp.MustCompile(`^[A-Z2-7]{32}$`).MatchString(s) {
				t.Errorf("secret %q", s)
			}
			text := f.attribute(t, "totp_secret_key")
			if text["type"] != "text" || text["meta"].(map[string]any)["label"].(map[string]any)["id"] != 1050017.0 || text["attributes"].(map[string]any)["node_type"] != "text" {
				t.Errorf("%v", text)
			}
			if id := f.node(t, "totp_code", "")["meta"].(map[string]any)["label"].(map[string]any)["id"]; id != 1070006.0 {
				t.Errorf("label %v", id)
			}
			if again := in.begin("settings", "", as(p.token)...).secret(t); again == f.secret(t) {
				t.Error("two flows offer the same secret")
			}
			if in.call("GET", in.public+"/self-service/settings/flows?id="+f.text(t, "id"), nil, as(p.token)...).secret(t) != f.secret(t) {
				t.Error("the flow does not remember its secret")
			}
		}},
		{"flows 9: setting up an app takes a right code", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			for code, want := range map[string]string{"": "totp_code=4000002", "000000": "totp_code=4000008", "abc": "totp_code=4000008"} {
				if got := in.settle(f, &p.token, object{"method": "totp", "totp_code": code}).expect(t, 400).messages(t); got != want {
					t.Errorf("%q: %s", code, got)
				}
			}
			old, app := p.token, &codes{secret: f.secret(t)}
			a := in.settle(f, &p.token, object{"method": "totp", "totp_code": app.next(t)}).expect(t, 200).is(t, "state", "success")
			if got := a.messages(t); got != "1050001" || a.group(t, "totp") != "totp_unlink" || p.token == old {
				t.Errorf("%s, %s, a new token: %v", got, a.group(t, "totp"), p.token != old)
			}
			in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal2").is(t, "authentication_methods.1.method", "totp").is(t, "id", p.session)
			in.settle(f, &p.token, object{"method": "totp", "totp_code": app.next(t)}).expect(t, 400) // there is one already
		}},
		{"flows 9: removing the app leaves the session at its level", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			f := in.begin("settings", "", as(p.token)...)
			if id := f.node(t, "totp_unlink", "true")["meta"].(map[string]any)["label"].(map[string]any)["id"]; id != 1050004.0 {
				t.Errorf("label %v", id)
			}
			a := in.settle(f, &p.token, object{"totp_unlink": true}).expect(t, 200).is(t, "state", "success")
			if a.group(t, "totp") != "totp_qr totp_secret_key totp_code method" {
				t.Error(a.group(t, "totp"))
			}
			in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal2")
			token, _ := in.login(p.email)
			in.whoami(token).expect(t, 200).is(t, "authenticator_assurance_level", "aal1")
		}},
		{"flows 9: recovery codes are made, confirmed, shown, made anew and removed", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			send := func(name string) answer { return in.settle(f, &p.token, object{name: true}) }
			if got := f.group(t, "lookup_secret"); got != "lookup_secret_regenerate" {
				t.Error(got)
			}
			for _, early := range []string{"lookup_secret_confirm", "lookup_secret_reveal", "lookup_secret_disable"} {
				if got := send(early).expect(t, 400).messages(t); got != "4000001" {
					t.Errorf("%s: %s", early, got)
				}
			}
			a := send("lookup_secret_regenerate").expect(t, 200).is(t, "state", "show_form")
			list := a.listed(t)
			if len(list) != 12 || !regexp.MustCompile(`^[a-z0-9]{8}$`).MatchString(list[0]) || a.group(t, "lookup_secret") != "lookup_secret_codes lookup_secret_confirm" {
				t.Errorf("%v, %s", list, a.group(t, "lookup_secret"))
			}
			in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal1") // nothing is stored yet
			if got := send("lookup_secret_confirm").expect(t, 200).is(t, "state", "success").group(t, "lookup_secret"); got != "lookup_secret_reveal lookup_secret_disable" {
				t.Error(got)
			}
			in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal2").is(t, "authentication_methods.1.method", "lookup_secret")
			shown := send("lookup_secret_reveal").expect(t, 200)
			if !slices.Equal(shown.listed(t), list) || shown.group(t, "lookup_secret") != "lookup_secret_codes lookup_secret_disable lookup_secret_regenerate" {
				t.Errorf("%v, %s", shown.listed(t), shown.group(t, "lookup_secret"))
			}
			if got := send("lookup_secret_disable").expect(t, 200).group(t, "lookup_secret"); got != "lookup_secret_regenerate" {
				t.Error(got)
			}
		}},
		{"sessions 3.3: whoami says where the second factor is shown, and where to sign out", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			token, id := in.login(p.email)
			a := in.whoami(token).refused(t, 403, "session_aal2_required")
			to := in.public + "/self-service/login/browser?aal=aal2"
			a.is(t, "redirect_browser_to", to).is(t, "error.details.redirect_browser_to", to)
			if a.header.Get("X-Kratos-Authenticated-Identity-Id") != "" {
				t.Error("the identity is named in a header")
			}
			out := a.text(t, "error.details.logout_url")
			in.call("GET", out, nil, "X-Session-Token", token, "Accept", asJSON).expect(t, 204)
			in.whoami(token).refused(t, 401, "session_inactive")
			in.whoami(p.token).expect(t, 200)
			in.call("GET", in.public+"/sessions", nil, as(p.token)...).expect(t, 200)
			if id == p.session {
				t.Error("one session")
			}
		}},
		{"sessions 3.3, 4: the list asks for the second factor too", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			token, _ := in.login(p.email)
			in.call("GET", in.public+"/sessions", nil, as(token)...).refused(t, 403, "session_aal2_required").is(t, "redirect_browser_to", in.public+"/self-service/login/browser?aal=aal2")
			in.call("DELETE", in.public+"/sessions", nil, as(token)...).refused(t, 403, "session_aal2_required")
		}},
		{"flows 4.6: the form of a step-up", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			in.lookups(&p)
			token, _ := in.login(p.email)
			f := in.begin("login", "?aal=aal2", as(token)...).expect(t, 200).is(t, "requested_aal", "aal2")
			if f.names(t) != "csrf_token:hidden totp_code:text method:submit lookup_secret:text method:submit" || f.messages(t) != "1010004" {
				t.Errorf("%s, %s", f.names(t), f.messages(t))
			}
			for name, want := range map[string]float64{"totp_code": 1010006, "lookup_secret": 1010007} {
				if id := f.node(t, name, "")["meta"].(map[string]any)["label"].(map[string]any)["id"]; id != want {
					t.Errorf("%s: label %v", name, id)
				}
			}
			for method, want := range map[string]float64{"totp": 1010009, "lookup_secret": 1010010} {
				if id := f.node(t, "method", method)["meta"].(map[string]any)["label"].(map[string]any)["id"]; id != want {
					t.Errorf("%s: label %v", method, id)
				}
			}
		}},
		{"flows 4.6: a code steps the session up, which stays the same and gets a new token", func(t *testing.T, in *instance) {
			p := in.person()
			app := in.enrol(&p)
			token, id := in.login(p.email)
			a := in.stepUp(token, object{"method": "totp", "totp_code": app.next(t)}).expect(t, 200).is(t, "session.id", id)
			a.is(t, "session.authenticator_assurance_level", "aal2").is(t, "session.authentication_methods.1.method", "totp").is(t, "session.authentication_methods.1.aal", "aal2").is(t, "session.identity.id", p.id)
			fresh := a.text(t, "session_token")
			if fresh == "" || fresh == token {
				t.Errorf("the token is %q, and was %q", fresh, token)
			}
			in.whoami(fresh).expect(t, 200).is(t, "id", id).is(t, "authenticator_assurance_level", "aal2")
			in.begin("login", "?aal=aal2", as(fresh)...).refused(t, 400, "session_already_available")
		}},
		{"flows 4.6: what is wrong with a code", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			app, list := in.enrol(&p), in.lookups(&p)
			token, _ := in.login(p.email)
			for name, c := range map[string]struct {
				body object
				want string
			}{
				"a wrong code":            {object{"method": "totp", "totp_code": "000000"}, "4000008"},
				"no code":                 {object{"method": "totp"}, "totp_code=4000002"},
				"a wrong recovery code":   {object{"method": "lookup_secret", "lookup_secret": "00000000"}, "4000016"},
				"no recovery code":        {object{"method": "lookup_secret"}, "lookup_secret=4000002"},
				"the method of a level":   {object{"method": "password", "identifier": p.email, "password": passphrase}, "4010002"},
				"no method":               {object{"totp_code": "000000"}, "4010002"},
				"the code of another one": {object{"method": "lookup_secret", "lookup_secret": in.lookups(&q)[0]}, "4000016"},
			} {
				if got := in.stepUp(token, c.body).expect(t, 400).messages(t); got != c.want {
					t.Errorf("%s: %s, want %s", name, got, c.want)
				}
			}
			code := app.next(t)
			in.stepUp(token, object{"method": "totp", "totp_code": " " + code[:3] + " " + code[3:]}).expect(t, 200) // as people type it
			other, _ := in.login(p.email)
			if got := in.stepUp(other, object{"method": "totp", "totp_code": code}).expect(t, 400).messages(t); got != "4000008" {
				t.Errorf("a code that was used: %s", got)
			}
			in.stepUp(other, object{"method": "lookup_secret", "lookup_secret": strings.ToUpper(list[3])}).expect(t, 200)
			third, _ := in.login(p.email)
			if got := in.stepUp(third, object{"method": "lookup_secret", "lookup_secret": list[3]}).expect(t, 400).messages(t); got != "4000012" {
				t.Errorf("a recovery code that was used: %s", got)
			}
		}},
		{"flows 4.6: of many who use one code at once, one succeeds", func(t *testing.T, in *instance) {
			p := in.person()
			app, list := in.enrol(&p), in.lookups(&p)
			for _, body := range []object{{"method": "totp", "totp_code": app.next(t)}, {"method": "lookup_secret", "lookup_secret": list[0]}} {
				var tokens [6]string
				var flows [6]answer
				for i := range tokens {
					tokens[i], _ = in.login(p.email)
					flows[i] = in.begin("login", "?aal=aal2", as(tokens[i])...)
				}
				got := together(6, func(i int) int { return in.call("POST", in.act(flows[i]), body, as(tokens[i])...).status })
				if got[0] != 200 || got[1] != 400 {
					t.Errorf("%v", got)
				}
			}
		}},
		{"flows 4.6: nothing is set up", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?aal=aal2", as(p.token)...).expect(t, 200)
			if f.names(t) != "csrf_token:hidden" {
				t.Error(f.names(t))
			}
			for method, want := range map[string]string{"totp": "4000011", "lookup_secret": "4000014"} {
				body := object{"method": method, "totp_code": "123456", "lookup_secret": "abcdefgh"}
				if got := in.call("POST", in.act(f), body, as(p.token)...).expect(t, 400).messages(t); got != want {
					t.Errorf("%s: %s", method, got)
				}
			}
		}},
		{"flows 4.6: the session has to come along", func(t *testing.T, in *instance) {
			p := in.person()
			app := in.enrol(&p)
			token, _ := in.login(p.email)
			f := in.begin("login", "?aal=aal2", as(token)...)
			code := app.next(t)
			in.call("POST", in.act(f), object{"method": "totp", "totp_code": code}).refused(t, 401, "session_aal1_required")
			in.logout(token).expect(t, 204)
			in.call("POST", in.act(f), object{"method": "totp", "totp_code": code}, as(token)...).refused(t, 401, "session_aal1_required")
		}},
		{"flows 4.6: in a browser, by a script and by a form", func(t *testing.T, in *instance) {
			p := in.person()
			app := in.enrol(&p)
			b := in.browser()
			f := b.ask("/self-service/login/browser").expect(t, 200)
			b.send(in.act(f), typed(f, p.email, passphrase, t)).refused(t, 422, "browser_location_change_required")
			f = b.ask("/self-service/login/browser?aal=aal2").expect(t, 200)
			before := b.cookie()
			b.send(in.act(f), object{"method": "totp", "totp_code": "000000"}).refused(t, 403, "security_csrf_violation")
			b.send(in.act(f), object{"method": "totp", "totp_code": app.next(t), "csrf_token": f.csrf(t)}).expect(t, 200).sets(t, issued).is(t, "session.authenticator_assurance_level", "aal2")
			if b.cookie() == before || strings.Contains(b.ask("/sessions/whoami").body, "ory_s") {
				t.Error("the cookie has the old token")
			}
			c := in.browser()
			f = c.ask("/self-service/login/browser").expect(t, 200)
			if to := c.post(in.act(f), form(typed(f, p.email, passphrase, t))).to(t, 303); to != in.public+"/self-service/login/browser?aal=aal2" {
				t.Fatalf("led to %s", to)
			}
			page := c.page("/self-service/login/browser?aal=aal2").to(t, 303)
			f = c.flowAt("login", page, in.public+"/ui/login?flow=")
			body := form(object{"method": "totp", "totp_code": app.next(t), "csrf_token": f.csrf(t)})
			if to := c.post(in.act(f), body).sets(t, issued).to(t, 303); to != in.public+"/ui/" {
				t.Errorf("led to %s", to)
			}
		}},
		{"flows 4.5: a refresh keeps the level of the session", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			f := in.begin("login", "?refresh=true", as(p.token)...).expect(t, 200)
			a := in.signIn(f, p.email, passphrase, as(p.token)...).expect(t, 200).is(t, "session.id", p.session).is(t, "session.authenticator_assurance_level", "aal2")
			a.is(t, "session.authentication_methods.2.method", "password")
			in.whoami(a.text(t, "session_token")).expect(t, 200)
		}},
		{"flows 4.5, 4.6: a refresh with the second factor", func(t *testing.T, in *instance) {
			p := in.person()
			app := in.enrol(&p)
			f := in.begin("login", "?refresh=true&aal=aal2", as(p.token)...).expect(t, 200)
			if f.messages(t) != "1010003" || f.names(t) != "csrf_token:hidden totp_code:text method:submit" {
				t.Errorf("%s, %s", f.messages(t), f.names(t))
			}
			a := in.call("POST", in.act(f), object{"method": "totp", "totp_code": app.next(t)}, as(p.token)...).expect(t, 200).is(t, "session.id", p.session)
			a.is(t, "session.authentication_methods.2.method", "totp")
		}},
		{"flows 4.5: a refresh that is sent twice leads to one token, whichever answer comes last", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?refresh=true", as(p.token)...)
			var tokens [4]string
			together(4, func(i int) int {
				a := in.signIn(f, p.email, passphrase, as(p.token)...)
				tokens[i] = a.expect(t, 200).text(t, "session_token")
				return a.status
			})
			for _, token := range tokens {
				if token != tokens[0] || token == p.token {
					t.Errorf("%d tokens", len(tokens))
				}
			}
			in.whoami(tokens[0]).expect(t, 200).is(t, "id", p.session).is(t, "authentication_methods.4.method", "password")
			b, q := in.visitor()
			g := b.ask("/self-service/login/browser?refresh=true").expect(t, 200)
			cookie := carrying(b.cookie())
			first := b.send(in.act(g), typed(g, q.email, passphrase, t)).expect(t, 200)
			second := in.call("POST", in.act(g), typed(g, q.email, passphrase, t), "Accept", asJSON, "Cookie", cookie+"; "+in.csrfName()+"="+b.held(in.csrfName())).expect(t, 200)
			one, _, _ := strings.Cut(first.header.Get("Set-Cookie"), ".")
			other, _, _ := strings.Cut(second.header.Get("Set-Cookie"), ".")
			if one != other || one == "" {
				t.Error("the cookies hold two tokens")
			}
		}},
		{"flows 4.5: a refresh as somebody else is refused and mixes nothing", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			f := in.begin("login", "?refresh=true", as(p.token)...)
			if got := in.signIn(f, q.email, passphrase, as(p.token)...).expect(t, 400).messages(t); got != "4000006" {
				t.Error(got)
			}
			in.whoami(p.token).expect(t, 200).is(t, "identity.id", p.id)
		}},
		{"identities 9: the second factor that an administrator removes", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			token, _ := in.login(p.email)
			in.whoami(token).refused(t, 403, "session_aal2_required")
			in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/credentials/totp", nil).expect(t, 204)
			in.whoami(token).expect(t, 200)
			in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal2")
		}},
		{"identities 2: second factors are known by the id of the identity", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			in.lookups(&p)
			for _, query := range []string{"", "?include_credential=totp"} {
				a := in.call("GET", in.admin+"/admin/identities/"+p.id+query, nil).expect(t, 200)
				for kind, want := range map[string]string{"totp": p.id, "lookup_secret": p.id, "password": p.email} {
					a.is(t, "credentials."+kind+".identifiers.0", want).is(t, "credentials."+kind+".identifiers.1", nil)
				}
			}
			if found := in.call("GET", in.admin+"/admin/identities?credentials_identifier="+p.id, nil).expect(t, 200).list(t); len(found) != 0 {
				t.Errorf("somebody is found by what nobody signs in with: %v", found)
			}
			in.call("PUT", in.admin+"/admin/identities/"+p.id, in.identity(p.id, "").body).expect(t, 200).is(t, "credentials.totp.identifiers.0", p.id)
			in.whoami(p.token).expect(t, 200)
		}},
		{"secrets of second factors are stored closed", func(t *testing.T, in *instance) {
			p := in.person()
			app, list := in.enrol(&p), in.lookups(&p)
			for _, kind := range []string{"totp", "lookup_secret"} {
				a := in.call("GET", in.admin+"/admin/identities/"+p.id+"?include_credential="+kind, nil).expect(t, 200)
				if strings.Contains(a.body, app.secret) || strings.Contains(a.body, list[0]) || !strings.Contains(a.body, `"closed":"`) {
					t.Error(a.body)
				}
			}
		}},
	})
}

func TestFailedSecondFactorsAreBounded(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "serve: {public: {port: 0, failed_attempts_per_minute: 5}, admin: {port: 0}}\n"+factors, func(t *testing.T, in *instance) {
		p := in.person()
		app := in.enrol(&p)
		token, _ := in.login(p.email)
		f := in.begin("login", "?aal=aal2", as(token)...)
		for range 5 {
			in.call("POST", in.act(f), object{"method": "totp", "totp_code": "000000"}, as(token)...).expect(t, 400)
		}
		a := in.call("POST", in.act(f), object{"method": "totp", "totp_code": app.next(t)}, as(token)...).refused(t, 429, "too_many_attempts")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		other := in.person() // somebody else is not held back
		in.whoami(other.token).expect(t, 200)
	})
}
