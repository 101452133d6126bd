package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// parts are the sections of a page, by their heading.
func (a answer) parts() map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)<h2[^>]*>([^<]*)</h2>(.*?)</section>`).FindAllStringSubmatch(a.body, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// fill submits one form of the settings page, and returns the page that follows.
func (b *browser) fill(page string, what url.Values) answer {
	b.t.Helper()
	what.Set("csrf_token", b.page(page).shown(b.t, 200).field(b.t, "csrf_token"))
	action := strings.Replace(b.at(page), "/ui/settings", "/self-service/settings", 1)
	if to := b.post(action, what).to(b.t, 303); to != page {
		b.t.Fatalf("led to %s", to)
	}
	return b.page(page).shown(b.t, 200)
}

// entry signs a browser in by a form, and returns where it is led.
func (b *browser) entry(email string, more url.Values) string {
	b.t.Helper()
	page := b.page("/self-service/login/browser").to(b.t, 303)
	values := url.Values{"method": {"password"}, "identifier": {email}, "password": {passphrase}, "csrf_token": {b.page(page).shown(b.t, 200).field(b.t, "csrf_token")}}
	for name, v := range more {
		values[name] = v
	}
	return b.post(strings.Replace(page, "/ui/login", "/self-service/login", 1), values).to(b.t, 303)
}

func TestSettingsPages(t *testing.T) {
	t.Parallel()
	contract(t, factors, []row{
		{"each thing that can be changed has a form of its own", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			a := b.page(b.page(settingsInit).to(t, 303)).shown(t, 200, p.email, `href="`+in.public+`/ui/"`, `href="`+in.public+`/ui/sessions"`)
			parts := a.parts()
			for heading, holds := range map[string]string{"Your details": `name="traits.email"`, "Password": `autocomplete="new-password"`, "Recovery codes": `name="lookup_secret_regenerate"`, "Authenticator app": `inputmode="numeric"`} {
				if part := parts[heading]; !strings.Contains(part, holds) || strings.Count(part, `name="csrf_token"`) != 1 || strings.Count(part, "<form ") != 1 {
					t.Errorf("%s: %q", heading, part)
				}
			}
			if len(parts) != 4 {
				t.Errorf("parts: %v", parts)
			}
		}},
		{"pictures from elsewhere than us are allowed where one is shown, and nowhere else", func(t *testing.T, in *instance) {
			b, p := in.twice()
			for path, want := range map[string]string{b.page(settingsInit).to(t, 303): in.public + " data:", "/ui/": in.public, "/ui/sessions": in.public} {
				policy := b.page(path).shown(t, 200).header.Get("Content-Security-Policy")
				if !strings.Contains(policy, "; img-src 'self' "+want+"; ") {
					t.Errorf("%s: %s", path, policy)
				}
			}
			in.enrol(&p)
			list, other := in.lookups(&p), in.browser()
			other.entry(p.email, nil)
			other.secondFactor(list[0])
			if a := other.page(other.page(settingsInit).to(t, 303)).shown(t, 200, "totp_unlink"); strings.Contains(a.header.Get("Content-Security-Policy"), "data:") {
				t.Error("there is no picture to allow")
			}
		}},
		{"what was changed is told, and how many others are signed out", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			page := b.page(settingsInit).to(t, 303)
			b.fill(page, url.Values{"method": {"profile"}, "traits.email": {p.email}, "traits.name.first": {"Ada"}}).shown(t, 200, "Your changes are saved", `value="Ada"`)
			in.login(p.email)
			b.fill(page, url.Values{"method": {"password"}, "password": {"another one entirely"}}).shown(t, 200, "Your changes are saved", "signed out on 1 other device.")
			for range 2 {
				in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
			}
			b.fill(page, url.Values{"method": {"password"}, "password": {"and one more of them"}}).shown(t, 200, "signed out on 2 other devices.")
			b.fill(page, url.Values{"method": {"password"}, "password": {"short"}}).shown(t, 200, "too short", `aria-invalid="true"`)
			if a := b.fill(page, url.Values{"method": {"profile"}, "traits.email": {"x"}}); !strings.Contains(a.parts()["Your details"], "not look like an e-mail address") {
				t.Errorf("%q", a.parts())
			}
		}},
		{"an authenticator app and recovery codes are set up with forms alone", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			page := b.page(settingsInit).to(t, 303)
			shown := b.page(page).shown(t, 200, `src="data:image/png;base64,`)
			key := regexp.MustCompile(`<code>((?:[A-Z2-7]{4} ?){8})</code>`).FindStringSubmatch(shown.body)
			if key == nil {
				t.Fatalf("no key to type:\n%s", shown.body)
			}
			app := &codes{secret: strings.ReplaceAll(key[1], " ", "")}
			b.fill(page, url.Values{"method": {"totp"}, "totp_code": {"000000"}}).shown(t, 200, "That code is not right")
			b.fill(page, url.Values{"method": {"totp"}, "totp_code": {app.next(t)}}).shown(t, 200, "Your changes are saved", `name="totp_unlink"`)
			offered := b.fill(page, url.Values{"lookup_secret_regenerate": {"true"}})
			list := regexp.MustCompile(`<li><code>([a-z0-9]{4}) ([a-z0-9]{4})</code></li>`).FindAllStringSubmatch(offered.body, -1)
			if len(list) != 12 || !strings.Contains(offered.parts()["Recovery codes"], `name="lookup_secret_confirm"`) {
				t.Fatalf("%d codes: %q", len(list), offered.parts())
			}
			b.fill(page, url.Values{"lookup_secret_confirm": {"true"}}).shown(t, 200, "Your changes are saved", `name="lookup_secret_reveal"`)
			b.fill(page, url.Values{"lookup_secret_reveal": {"true"}}).shown(t, 200, list[0][0], list[11][0], `name="lookup_secret_disable" value="true" class="quiet"`)
		}},
		{"the page leads whoever may not see it to where they can", func(t *testing.T, in *instance) {
			b, p := in.twice()
			page := b.page(settingsInit).to(t, 303)
			stranger := in.browser()
			if to := stranger.page("/ui/settings").to(t, 303); to != in.public+settingsInit {
				t.Errorf("without a flow, it leads to %s", to)
			}
			if to := stranger.page(page).to(t, 303); to != in.public+"/self-service/login/browser" {
				t.Errorf("a stranger is led to %s", to)
			}
			other, _ := in.visitor()
			if to := other.page(page).to(t, 303); to != in.public+settingsInit {
				t.Errorf("somebody else is led to %s", to)
			}
			in.enrol(&p)
			weak := in.browser()
			weak.entry(p.email, nil)
			for _, path := range []string{page, "/ui/", "/ui/sessions"} {
				if to := weak.page(path).to(t, 303); to != in.public+"/self-service/login/browser?aal=aal2" {
					t.Errorf("%s leads somebody who has yet to step up to %s", path, to)
				}
			}
		}},
	})
}

// secondFactor shows a recovery code on the page of the second step, and returns where it leads.
func (b *browser) secondFactor(code string) string {
	b.t.Helper()
	page := b.page("/self-service/login/browser?aal=aal2").to(b.t, 303)
	values := url.Values{"method": {"lookup_secret"}, "lookup_secret": {code}, "csrf_token": {b.page(page).shown(b.t, 200).field(b.t, "csrf_token")}}
	return b.post(strings.Replace(page, "/ui/login", "/self-service/login", 1), values).to(b.t, 303)
}

func TestSecondFactorPage(t *testing.T) {
	t.Parallel()
	contract(t, factors, []row{
		{"the app comes first, the codes behind it, and the way out is there", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			list := in.lookups(&p)
			b := in.browser()
			if to := b.entry(p.email, nil); to != in.public+"/self-service/login/browser?aal=aal2" {
				t.Fatalf("led to %s", to)
			}
			page := b.page("/self-service/login/browser?aal=aal2").to(t, 303)
			a := b.page(page).shown(t, 200, "One more step", p.email, `name="totp_code"`, "<details>", `name="lookup_secret"`)
			if strings.Contains(a.body, "/self-service/registration") || strings.Index(a.body, "totp_code") > strings.Index(a.body, "<details>") {
				t.Errorf("%s", a.body)
			}
			if to := b.secondFactor("00000000"); !strings.HasPrefix(to, in.public+"/ui/login?flow=") {
				t.Errorf("a wrong code leads to %s", to)
			} else {
				b.page(to).shown(t, 200, "<details open>", "That recovery code is not right")
			}
			if to := b.secondFactor(list[0]); to != in.public+"/ui/" {
				t.Errorf("the right one leads to %s", to)
			}
			b.page("/ui/").shown(t, 200, p.email)
		}},
		{"whoever has lost the factor signs out there", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			b := in.browser()
			b.entry(p.email, nil)
			a := b.page(b.page("/self-service/login/browser?aal=aal2").to(t, 303)).shown(t, 200, `data-after=`)
			if to := b.post("/self-service/logout", url.Values{"token": {a.field(t, "token")}}).to(t, 303); to != in.public+"/ui/signed-out" {
				t.Errorf("led to %s", to)
			}
			if b.cookie() != "" {
				t.Error("the cookie is still there")
			}
		}},
		{"a session that has ended meanwhile is told of", func(t *testing.T, in *instance) {
			p := in.person()
			in.enrol(&p)
			b := in.browser()
			b.entry(p.email, nil)
			page := b.page("/self-service/login/browser?aal=aal2").to(t, 303)
			in.call("DELETE", in.public+"/sessions", nil, as(p.token)...).expect(t, 200)
			b.page(b.page(page).to(t, 303)).shown(t, 200, `name="password"`, "signed out on this device from another one")
		}},
		{"somebody without one is told so", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			b.page(b.page("/self-service/login/browser?aal=aal2").to(t, 303)).shown(t, 200, "No second step has been set up")
		}},
	})
}

func TestKeepMeSignedInPage(t *testing.T) {
	t.Parallel()
	contract(t, "\nsession: {lifespan: 1h, remember_me: {lifespan: 720h}}\n", []row{
		{"the box is there, and empty", func(t *testing.T, in *instance) {
			b := in.browser()
			b.page(b.page("/self-service/login/browser").to(t, 303)).shown(t, 200, `<input type="checkbox" id="field-3" name="remember" value="true">`, "Keep me signed in")
		}},
		{"whether it was ticked is shown where one is signed in", func(t *testing.T, in *instance) {
			p := in.person()
			for more, want := range map[string]string{"": "no", "true": "yes"} {
				b := in.browser()
				b.entry(p.email, url.Values{"remember": {more}})
				if here := b.page("/ui/sessions").shown(t, 200).parts()["This device"]; !strings.Contains(here, "<dt>Kept signed in</dt><dd>"+want+"</dd>") {
					t.Errorf("%q: %s", more, here)
				}
			}
		}},
	})
}

func TestSessionsPage(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"this device, the others by their last use, and those that are over", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			if a := b.page("/ui/sessions").shown(t, 200, "You are signed in nowhere else."); strings.Contains(a.body, "Signed out lately") || strings.Contains(a.body, "Sign out everywhere else") {
				t.Errorf("somebody who is here alone sees more:\n%s", a.body)
			}
			_, first := in.login(p.email)
			gone, goneID := in.login(p.email)
			_, last := in.login(p.email)
			in.logout(gone).expect(t, 204)
			parts := b.page("/ui/sessions").shown(t, 200).parts()
			others := parts["Other devices"]
			if !strings.Contains(others, `value="`+first+`"`) || strings.Index(others, last) > strings.Index(others, first) || strings.Contains(others, goneID) || strings.Contains(others, p.session) {
				t.Errorf("others: %s", others)
			}
			if here := parts["This device"]; !strings.Contains(here, "active now") || !strings.Contains(here, "127.0.0.1") || strings.Contains(here, "<button") {
				t.Errorf("here: %s", here)
			}
			if past := parts["Signed out lately"]; !strings.Contains(past, "</time>: signed out there") || strings.Count(past, "<li>") != 1 {
				t.Errorf("past: %s", past)
			}
		}},
		{"one is ended, then all others", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			one, oneID := in.login(p.email)
			two, _ := in.login(p.email)
			token := b.page("/ui/sessions").field(t, "csrf_token")
			to := b.post("/ui/sessions", url.Values{"csrf_token": {token}, "session": {oneID}}).to(t, 303)
			if !strings.HasPrefix(to, in.public+"/ui/sessions?done=") || strings.Contains(to, oneID) {
				t.Errorf("led to %s", to)
			}
			b.page(to).shown(t, 200, "That device is signed out.", "signed out by you from another device")
			in.whoami(one).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", "revoked")
			in.whoami(two).expect(t, 200)
			all := b.post("/ui/sessions", url.Values{"csrf_token": {token}, "others": {"all"}}).to(t, 303)
			b.page(all).shown(t, 200, "1 other session was ended.", "You are signed in nowhere else.")
			in.whoami(two).expect(t, 401)
			b.ask("/sessions/whoami").expect(t, 200)

			other, _ := in.visitor()
			for _, path := range []string{all, to, "/ui/sessions?done=one", "/ui/sessions?done=3"} {
				if a := other.page(path).shown(t, 200); strings.Contains(a.body, `role="status"`) {
					t.Errorf("%s makes somebody else believe that something was done", path)
				}
			}
		}},
		{"nobody is signed out by somebody else's page, or somebody else", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, id := in.login(p.email)
			own := b.page("/ui/").field(t, "csrf_token")
			foe, _ := in.visitor()
			theirs := foe.page("/ui/").field(t, "csrf_token")
			for _, what := range []url.Values{{"session": {id}}, {"others": {"all"}}} {
				b.post("/ui/sessions", what).to(t, 303)
				what.Set("csrf_token", theirs)
				in.shown(b.post("/ui/sessions", what), "security_csrf_violation")
				foe.post("/ui/sessions", what).to(t, 303)
				what.Set("csrf_token", own)
				b.post("/ui/sessions", what, "Origin", "https://evil.example").refused(t, 403, "security_csrf_violation")
				b.post("/ui/sessions", what, "Sec-Fetch-Site", "cross-site").refused(t, 403, "security_csrf_violation")
			}
			in.whoami(token).expect(t, 200)
			for said, fault := range map[string]string{p.session: "session_is_current", "": "bad_uuid", "x": "bad_uuid"} {
				in.shown(b.post("/ui/sessions", url.Values{"csrf_token": {own}, "session": {said}}), fault)
			}
			if to := b.post("/ui/sessions", url.Values{"csrf_token": {own}, "session": {uuid.NewString()}}).to(t, 303); !strings.HasPrefix(to, in.public+"/ui/sessions?done=") {
				t.Errorf("one that is not there leads to %s", to)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"no more than fifty are listed, and twenty that are over", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			for range 51 {
				in.login(p.email)
			}
			for range 21 {
				token, _ := in.login(p.email)
				in.logout(token).expect(t, 204)
			}
			parts := b.page("/ui/sessions").shown(t, 200, "These are the 50 that signed in last. There are more.").parts()
			if n := strings.Count(parts["Other devices"], `name="session"`); n != 50 {
				t.Errorf("%d are listed", n)
			}
			if n := strings.Count(parts["Signed out lately"], "<li>"); n != 20 {
				t.Errorf("%d are over", n)
			}
		}},
		{"home leads there, and to the settings", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			b.page("/ui/").shown(t, 200, `href="`+in.public+`/ui/sessions"`, `href="`+in.public+settingsInit+`"`)
		}},
	})
}

// endings are the ways in which a session ends without its holder's doing, and what its holder is told.
var endings = map[string]struct {
	end  func(in *instance, p person)
	told string
}{
	"revoked": {func(in *instance, p person) {
		in.call("DELETE", in.public+"/sessions/"+p.session, nil, as(p.token)...).expect(in.t, 204)
	}, "You were signed out on this device from another one."},
	"revoked_by_admin": {func(in *instance, p person) {
		in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(in.t, 204)
	}, "You were signed out on this device by an administrator."},
	"credential_changed": {func(in *instance, p person) {
		in.settle(in.begin("settings", "", as(p.token)...), &p.token, object{"method": "password", "password": "another one entirely"}).expect(in.t, 200)
	}, "because the password, or another way to sign in, was changed."},
	"identity_disabled": {func(in *instance, p person) { in.state(p.id, "inactive").expect(in.t, 200) }, "because the account was disabled."},
}

// twice is somebody who is signed in in a browser, whose session is p.session, and elsewhere, by p.token.
func (in *instance) twice() (*browser, person) {
	in.t.Helper()
	b, p := in.visitor()
	p.token, _ = in.login(p.email)
	return b, p
}

// told checks that a page is a login that says why a session has ended, once, and that its answer has removed the cookie.
func (b *browser) told(a answer, reason string) {
	b.t.Helper()
	page := a.to(b.t, 303)
	if !strings.HasPrefix(page, b.public+"/ui/login?flow=") || strings.Contains(page, reason) || b.cookie() != "" {
		b.t.Fatalf("led to %s, with the cookie %q", page, b.cookie())
	}
	shown := b.page(page).shown(b.t, 200, `name="password"`)
	if strings.Count(shown.body, endings[reason].told) != 1 {
		b.t.Fatalf("%s is not told:\n%s", reason, shown.body)
	}
	f := b.ask("/self-service/login/flows?id="+page[strings.Index(page, "=")+1:]).expect(b.t, 200)
	f.is(b.t, "ui.messages.0.id", 1100003).is(b.t, "ui.messages.0.type", "info").is(b.t, "ui.messages.0.context.end_reason", reason)
}

func TestPagesSayWhyASessionHasEnded(t *testing.T) {
	t.Parallel()
	var rows []row
	for reason, how := range endings {
		rows = append(rows, row{"the start page leads to a login that says why: " + reason, func(t *testing.T, in *instance) {
			b, p := in.twice()
			how.end(in, p)
			b.told(b.page("/ui/"), reason)
			if to := b.page("/ui/").to(t, 303); to != in.public+"/self-service/login/browser" {
				t.Errorf("the second time, it leads to %s", to)
			}
		}})
	}
	for _, path := range []string{"/ui/sessions", "/ui/settings", "/ui/login", "/ui/login?flow=" + uuid.NewString(), "/ui/login?aal=aal1", settingsInit, "/self-service/login/browser"} {
		rows = append(rows, row{"so does " + path, func(t *testing.T, in *instance) {
			b, p := in.twice()
			endings["revoked"].end(in, p)
			b.told(b.page(path), "revoked")
		}})
	}
	contract(t, "", append(rows,
		row{"forms that come too late lead there too", func(t *testing.T, in *instance) {
			for _, path := range []string{"/ui/", "/ui/sessions", ""} {
				b, p := in.twice()
				values := url.Values{"csrf_token": {b.page("/ui/").field(t, "csrf_token")}, "others": {"all"}, "method": {"password"}, "password": {"another one entirely"}}
				if path == "" {
					path = strings.Replace(b.page(settingsInit).to(t, 303), "/ui/", "/self-service/", 1)
				}
				endings["revoked"].end(in, p)
				b.told(b.post(path, values), "revoked")
			}
		}},
		row{"a form that was shown before says so when it is shown again", func(t *testing.T, in *instance) {
			b, p := in.twice()
			page := b.page("/self-service/login/browser?refresh=true").to(t, 303)
			endings["revoked"].end(in, p)
			b.page(page).shown(t, 200, endings["revoked"].told)
		}},
		row{"where the visitor wanted to go is kept", func(t *testing.T, in *instance) {
			b, p := in.twice()
			endings["revoked"].end(in, p)
			page := b.page(settingsInit+"?return_to=/self-service/x").to(t, 303)
			b.ask("/self-service/login/flows?id="+page[strings.Index(page, "=")+1:]).expect(t, 200).is(t, "return_to", in.public+"/self-service/x")
		}},
		row{"a script is told as well", func(t *testing.T, in *instance) {
			b, p := in.twice()
			endings["revoked_by_admin"].end(in, p)
			b.ask("/self-service/login/browser").expect(t, 200).is(t, "ui.messages.0.context.end_reason", "revoked_by_admin")
			if got := b.ask("/self-service/login/browser").expect(t, 200).messages(t); got != "" {
				t.Errorf("and told again: %s", got)
			}
		}},
		row{"a wrong password takes the place of the reason", func(t *testing.T, in *instance) {
			b, p := in.twice()
			endings["revoked"].end(in, p)
			f := b.ask("/self-service/login/browser").expect(t, 200)
			a := b.send(in.act(f), object{"method": "password", "identifier": p.email, "password": "wrong", "csrf_token": f.csrf(t)}).expect(t, 400)
			if a.messages(t) != "4000006" {
				t.Error(a.messages(t))
			}
		}},
		row{"whoever has signed out, or never was signed in, is told nothing", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			dead := b.cookie()
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			for _, cookie := range []string{dead, "ory_sc_" + strings.Repeat("x", 32)} {
				a := in.call("GET", in.public+"/ui/", nil, "Accept", asPage, "Cookie", carrying(cookie))
				if to := a.to(t, 303); to != in.public+"/self-service/login/browser" {
					t.Errorf("led to %s", to)
				}
				f := in.call("GET", in.public+"/self-service/login/browser", nil, "Accept", asJSON, "Cookie", carrying(cookie)).expect(t, 200)
				if f.messages(t) != "" {
					t.Errorf("told %s", f.messages(t))
				}
			}
		}},
		row{"registration and native flows say nothing of it", func(t *testing.T, in *instance) {
			b, p := in.twice()
			cookie := b.cookie()
			endings["revoked"].end(in, p)
			for _, path := range []string{"/self-service/registration/browser", "/self-service/login/api"} {
				if f := in.call("GET", in.public+path, nil, "Accept", asJSON, "Cookie", carrying(cookie)).expect(t, 200); f.messages(t) != "" {
					t.Errorf("%s says %s", path, f.messages(t))
				}
			}
			b.page(b.page("/ui/registration").to(t, 303)).to(t, 303)
		}},
	))
}

func TestPagesSayThatASessionHasExpired(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "\nsession: {lifespan: 2s, limit: {max: 1, policy: evict_oldest}}\n", func(t *testing.T, in *instance) {
		b, p := in.visitor()
		in.login(p.email) // which takes the place of the browser's
		to := b.page("/ui/").to(t, 303)
		b.page(to).shown(t, 200, "because you signed in on more devices than allowed.")

		p.session = b.enter(p.email).text(t, "session.id")
		old := b.cookie()
		until(t, func() bool {
			return in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).json(t, "active") == false
		})
		f := in.call("GET", in.public+"/self-service/login/browser", nil, "Accept", asJSON, "Cookie", carrying(old)).expect(t, 200)
		f.is(t, "ui.messages.0.context.end_reason", "expired").is(t, "ui.messages.0.text", "Your session has expired. Please sign in again.")
	})
}

func TestLookingAtAPageIsUsingTheSession(t *testing.T) {
	t.Parallel()
	contract(t, "\nsession: {lifespan: 10s, sliding: true}\n", []row{
		{"every page slides it, and its cookie follows", func(t *testing.T, in *instance) {
			for _, path := range []string{"/ui/", "/ui/sessions", settingsInit} {
				b, p := in.visitor()
				if path == settingsInit {
					path = b.page(path).to(t, 303)
				}
				before, cookie := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).instant(t, "expires_at"), b.cookie()
				b.page(path, "X-Session-Activity", "none").shown(t, 200)
				if b.cookie() != cookie {
					t.Errorf("%s: a look that is no use moves the cookie", path)
				}
				until(t, func() bool { b.page(path).shown(t, 200); return b.cookie() != cookie })
				after := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).instant(t, "expires_at")
				if after.Sub(before) < time.Second {
					t.Errorf("%s: it expires %v later", path, after.Sub(before))
				}
			}
		}},
	})
}

// What a list is sorted by is when a session was last used, and not when it began.
func TestTheSessionThatWasUsedLastComesFirst(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "\nsession: {idle_timeout: 20s}\n", func(t *testing.T, in *instance) {
		b, p := in.visitor()
		old, oldID := in.login(p.email)
		_, youngID := in.login(p.email)
		order := func() []string {
			var ids []string
			for _, m := range regexp.MustCompile(`name="session" value="([^"]+)"`).FindAllStringSubmatch(b.page("/ui/sessions").shown(t, 200).body, -1) {
				ids = append(ids, m[1])
			}
			return ids
		}
		if got := order(); !slices.Equal(got, []string{youngID, oldID}) {
			t.Fatalf("at first: %v", got)
		}
		until(t, func() bool {
			in.whoami(old).expect(t, 200)
			return slices.Equal(order(), []string{oldID, youngID})
		})
	})
}
