package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// mark lets a person into the console, as an administrator does.
func (in *instance) mark(id, key string, scopes ...string) answer {
	in.t.Helper()
	return in.patched(id, key, object{"op": "add", "path": "/metadata_admin", "value": object{"exeunt_console": scopes}})
}

func (in *instance) patched(id, key string, changes ...object) answer {
	in.t.Helper()
	return in.call("PATCH", in.admin+"/admin/identities/"+id, changes, withKey(key)...)
}

var withSession = url.Values{"session": {"yes"}}

// operator is a person who has entered the console with the session of their browser.
func (in *instance) operator(key string, scopes ...string) (*visitor, *browser, person) {
	in.t.Helper()
	b, p := in.visitor()
	in.mark(p.id, key, scopes...).expect(in.t, 200)
	v := &visitor{instance: in, session: b.cookie()}
	v.post("sign-in", withSession).expect(in.t, 303)
	v.get("").expect(in.t, 200).says(in.t, "Signed in as <strong>"+p.email+"</strong>")
	return v, b, p
}

// out checks that somebody who was in the console is not any more, and does not get in again.
func (v *visitor) out() {
	v.t.Helper()
	if a := v.get("sessions").expect(v.t, 303); a.header.Get("Location") != "/console/sign-in?over=yes" {
		v.t.Errorf("they are led to %s", a.header.Get("Location"))
	}
	v.post("sign-in", withSession).expect(v.t, 401).says(v.t, "No session of this browser opens the console").hides(v.t, "<td")
}

func TestConsoleIsEnteredWithTheSessionOfAPersonWhomAnAdministratorLetsIn(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		b, p := in.visitor()
		v, nobody := &visitor{instance: in, session: b.cookie()}, &visitor{instance: in}
		if v.get("sign-in").body != nobody.get("sign-in").body || v.post("sign-in", withSession).expect(t, 401).body != nobody.post("sign-in", withSession).expect(t, 401).body {
			t.Error("a person who is not let in sees something else than nobody does")
		}
		v.get("sessions").expect(t, 303)

		v, _, p = in.operator(root, "sessions:write")
		other, _, _ := in.operator(root, "all")
		v.get("sessions").expect(t, 200)
		for name, wrong := range map[string]*visitor{
			"the visit without the session": {instance: in, cookie: v.cookie}, "the session without the visit": {instance: in, session: v.session},
			"the visit with another's session": {instance: in, cookie: v.cookie, session: other.session}, "another's visit": {instance: in, cookie: other.cookie, session: v.session},
		} {
			if a := wrong.get("sessions"); a.status != 303 {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		(&visitor{instance: in, cookie: v.cookie}).send("GET", "sessions", nil, "X-Session-Token", v.session).expect(t, 303)
		cookies := []string{"Cookie", "exeunt_console=" + v.cookie + "; ory_kratos_session=" + v.session}
		in.call("GET", in.public+"/console/", nil, cookies...).expect(t, 404)
		in.call("GET", in.admin+"/admin/sessions", nil, cookies...).expect(t, 401)

		q := in.person()
		v.follow(v.confirm(v.submit("sessions", "sessions/end", url.Values{"one": {q.session}}))).says(t, "1 session was ended")
		in.whoami(q.token).expect(t, 401)
		in.call("GET", in.admin+"/admin/events?kind=session_ended", nil, withKey(root)...).expect(t, 200).says(t, `"actor":"`+p.id+`"`)
		if log := in.output.String(); !strings.Contains(log, p.id) || strings.Contains(log, v.session) {
			t.Error("the log does not name who it was, or tells the session's token")
		}
		v.submit("", "sign-out", url.Values{}).expect(t, 303)
		v.get("sessions").expect(t, 303)
		in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", "ory_kratos_session="+v.session).expect(t, 200)
		whose := strings.Join([]string{p.id, p.id, p.session}, " ")
		if got := in.visits(root); len(got) != 3 || got[0] != "visit_started "+whose || got[2] != "visit_ended "+whose {
			t.Errorf("the events tell of %v, want those of %s", got, whose)
		}
	})
}

func TestConsoleIsLeftAtOnceByAPersonWhoMayNotBeThereAnyMore(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		for name, end := range map[string]func(in *instance, b *browser, p person){
			"they sign out": func(_ *instance, b *browser, _ person) {
				address, _ := b.leaving("")
				b.ask(address).expect(b.t, 204)
			},
			"the session is revoked": func(in *instance, _ *browser, p person) {
				in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil, withKey(root)...).expect(in.t, 204)
			},
			"the mark is removed": func(in *instance, _ *browser, p person) {
				in.patched(p.id, root, object{"op": "remove", "path": "/metadata_admin/exeunt_console"}).expect(in.t, 200)
			},
			"the mark opens nothing": func(in *instance, _ *browser, p person) { in.mark(p.id, root).expect(in.t, 200) },
			"the mark is broken":     func(in *instance, _ *browser, p person) { in.mark(p.id, root, "all", "more").expect(in.t, 200) },
			"the identity is disabled": func(in *instance, _ *browser, p person) {
				in.patched(p.id, root, object{"op": "replace", "path": "/state", "value": "inactive"}).expect(in.t, 200)
			},
			"the identity is deleted": func(in *instance, _ *browser, p person) {
				in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil, withKey(root)...).expect(in.t, 204)
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				in := in.on(t)
				v, b, p := in.operator(root, "all")
				end(in, b, p)
				v.out()
			})
		}
	})
}

func TestConsoleStopsTellingAPersonWhoHasSignedOut(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v, b, _ := in.operator(root, "sessions:read")
		req, err := http.NewRequest("GET", in.admin+"/console/events/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "exeunt_console="+v.cookie+"; ory_kratos_session="+v.session)
		resp, err := in.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("the stream is %q", kind)
		}
		address, _ := b.leaving("")
		b.ask(address).expect(t, 204)
		in.register("ada@example.org")
		told, err := io.ReadAll(resp.Body) // it has an end now
		if err != nil || strings.Contains(string(told), "identity_created") {
			t.Errorf("what happened after that was told: %s, %v", told, err)
		}
	})
}

func TestConsoleHonoursTheScopesOfAPerson(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v, _, p := in.operator(root, "sessions:read")
		v.get("sessions").expect(t, 200).hides(t, "End all that fit", "Extend")
		for _, below := range []string{"identities", "identities/" + p.id, "redirects", "keys"} {
			v.get(below).expect(t, 403)
		}
		for _, below := range []string{"sessions/end", "identities/" + p.id + "/state", "identities/" + p.id + "/sessions", "hooks", "redirects", "keys", "keys/revoke"} {
			v.submit("", below, url.Values{"confirmed": {"yes"}}).expect(t, 403)
		}
		in.mark(p.id, root, "identities:read", "settings").expect(t, 200)
		v.get("sessions").expect(t, 403)
		v.get("identities").expect(t, 200)
		v.get("redirects").expect(t, 200)
		in.mark(p.id, root, "all").expect(t, 200)
		v.submit("keys", "keys", url.Values{"name": {"made-by-hand"}, "scope.settings": {"yes"}}).expect(t, 200)
		in.call("GET", in.admin+"/admin/keys", nil, withKey(root)...).expect(t, 200).says(t, `"created_by":"`+p.id+`"`)
	})
}

func TestConsoleAsksAPersonForTheirSecondFactor(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "session: {whoami: {required_aal: aal1}}\n"+factors, func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		p := in.person()
		in.mark(p.id, root, "all").expect(t, 200)
		app := in.enrol(&p)
		b := in.browser()
		b.enter(p.email)
		b.ask("/sessions/whoami").expect(t, 200).is(t, "authenticator_assurance_level", "aal1")
		v := &visitor{instance: in, session: b.cookie()}
		v.post("sign-in", withSession).expect(t, 401).says(t, "the second factor is still missing")
		v.get("").expect(t, 303)
		f := b.ask("/self-service/login/browser?aal=aal2").expect(t, 200)
		b.send(b.act(f), object{"method": "totp", "totp_code": "000000", "csrf_token": f.csrf(t)}).expect(t, 400)
		v.post("sign-in", withSession).expect(t, 401)
		b.send(b.act(f), object{"method": "totp", "totp_code": app.next(t), "csrf_token": f.csrf(t)}).expect(t, 200)
		v.session = b.cookie()
		v.post("sign-in", withSession).expect(t, 303)
		v.get("").expect(t, 200).says(t, p.email)
	})
}

func TestConsoleRefusesMarksThatPeopleGiveThemselves(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		mark := object{"exeunt_console": []string{"all"}}
		b, email := in.browser(), testkit.Email()
		f := b.ask("/self-service/registration/browser").expect(t, 200)
		a := b.send(b.act(f), object{"method": "password", "password": passphrase, "csrf_token": f.csrf(t), "traits": object{"email": email}, "transient_payload": mark,
			"metadata_admin": mark, "metadata_public": mark, "exeunt_console": []string{"all"}, "identity": object{"metadata_admin": mark}}).expect(t, 200)
		id := a.text(t, "identity.id")
		b.enter(email)
		f = b.ask("/self-service/settings/browser").expect(t, 200)
		b.send(b.act(f), object{"method": "profile", "csrf_token": f.csrf(t), "traits": object{"email": email, "metadata_admin": mark, "exeunt_console": []string{"all"}}})
		f = b.ask("/self-service/settings/browser").expect(t, 200)
		b.send(b.act(f), object{"method": "profile", "csrf_token": f.csrf(t), "traits": object{"email": email}, "transient_payload": mark,
			"metadata_admin": mark, "metadata_public": mark, "exeunt_console": []string{"all"}}).expect(t, 200)
		in.call("GET", in.admin+"/admin/identities/"+id, nil, withKey(root)...).expect(t, 200).is(t, "metadata_admin", nil).is(t, "metadata_public", nil)
		in.patched(id, root, object{"op": "add", "path": "/metadata_public", "value": mark}).expect(t, 200)
		v := &visitor{instance: in, session: b.cookie()}
		b.ask("/sessions/whoami").expect(t, 200)
		v.post("sign-in", withSession).expect(t, 401)
		v.get("").expect(t, 303)
	})
}

func TestConsoleRefusesForgedFormsInTheNameOfAPerson(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v, _, _ := in.operator(root, "all")
		p := in.person()
		token := strings.ReplaceAll(tokenField.FindStringSubmatch(v.get("sessions").body)[1], "&#43;", "+")
		end := url.Values{"one": {p.session}, "csrf_token": {token}}
		for _, site := range []string{"cross-site", "same-site"} {
			from := []string{"Origin", "https://evil.example", "Sec-Fetch-Site", site}
			v.send("POST", "sign-in", withSession, from...).expect(t, 403)
			v.send("POST", "sessions/end", end, from...).expect(t, 403)
		}
		v.post("sessions/end", url.Values{"one": {p.session}}).expect(t, 403)
		again := &visitor{instance: in, session: v.session}
		again.post("sign-in", withSession).expect(t, 303)
		again.post("sessions/end", end).expect(t, 403) // the token is of another visit
		v.post("sessions/end", end).expect(t, 200).says(t, "End this session?")
		in.whoami(p.token).expect(t, 200)
	})
}

func TestConsoleWithoutAnyKeyAsksNobodyForASession(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		b, p := in.visitor()
		in.mark(p.id, "", "sessions:read").expect(t, 200)
		v := &visitor{instance: in, session: b.cookie()}
		v.post("sign-in", withSession).expect(t, 303)
		v.get("keys").expect(t, 200).says(t, "There is no key of the admin API yet")

		root, id := in.key("root", "", "all")
		v.get("sessions").expect(t, 303)
		v.post("sign-in", withSession).expect(t, 303)
		v.get("sessions").expect(t, 200)
		v.get("keys").expect(t, 403)
		in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
		v.get("sessions").expect(t, 303)
		v.get("keys").expect(t, 200).says(t, "There is no key of the admin API yet")
	})
}

func TestAKeyGetsNoFurtherByThePeopleWhomItChanges(t *testing.T) {
	t.Parallel()
	onEachEngine(t, factors, func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		writer, _ := in.key("writer", root, "identities:write", "sessions:write", "settings")
		marked := func() object {
			return object{"schema_id": "default", "traits": object{"email": testkit.Email()}, "metadata_admin": object{"exeunt_console": []string{"sessions:read"}}, "credentials": clear(passphrase)}
		}
		plain := in.call("POST", in.admin+"/admin/identities", object{"traits": object{"email": testkit.Email()}, "metadata_admin": object{"x": 1}}, withKey(writer)...).expect(t, 201).text(t, "id")
		p := in.person()
		in.enrol(&p)
		in.mark(p.id, root, "all").expect(t, 200)
		for _, base := range []string{in.admin, in.public} {
			people := base + "/admin/identities"
			in.call("POST", people, marked(), withKey(writer)...).refused(t, 403, "admin_mark_needs_all")
			in.call("PATCH", people, object{"identities": []object{{"create": marked()}}}, withKey(writer)...).refused(t, 403, "admin_mark_needs_all")
			in.call("PUT", people+"/"+plain, marked(), withKey(writer)...).refused(t, 403, "admin_mark_needs_all")
			in.call("PUT", people+"/"+p.id, object{"schema_id": "default", "state": "active", "traits": object{"email": p.email}, "credentials": clear(passphrase)}, withKey(writer)...).
				refused(t, 403, "admin_mark_needs_all")
			in.call("DELETE", people+"/"+p.id+"/credentials/totp", nil, withKey(writer)...).refused(t, 403, "admin_mark_needs_all")
		}
		in.mark(plain, writer, "settings").refused(t, 403, "admin_mark_needs_all")
		in.patched(p.id, writer, object{"op": "replace", "path": "/traits/email", "value": testkit.Email()}).refused(t, 403, "admin_mark_needs_all")
		in.patched(plain, writer, object{"op": "replace", "path": "/metadata_admin", "value": object{"x": 2}}).expect(t, 200)

		lesser, _ := in.key("lesser", root, "identities:read", "identities:write")
		v, person := in.console(lesser), "identities/"+p.id
		v.follow(v.confirm(v.submit(person, person+"/state", url.Values{"to": {"inactive"}}))).says(t, "deactivated")
		v.submit(person, person+"/state", url.Values{"to": {"active"}}).expect(t, 403).says(t, "Only a key with the scope all")
		v = in.console(root)
		v.follow(v.submit(person, person+"/state", url.Values{"to": {"active"}})).says(t, "active again")

		in.call("POST", in.admin+"/admin/identities", marked(), withKey(root)...).expect(t, 201)
		in.call("PATCH", in.admin+"/admin/identities", object{"identities": []object{{"create": marked()}}}, withKey(root)...).expect(t, 200)
		in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/credentials/totp", nil, withKey(root)...).expect(t, 204)
	})
}
