package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"exeunt/internal/vault"
)

// visitor is somebody's browser at the console: it keeps cookies, and sends forms as a browser does.
type visitor struct {
	*instance
	cookie  string // of the visit
	session string // the cookie of the public API, for who has one
}

// console is a browser that has signed in with a key, or one that needs none.
func (in *instance) console(key string) *visitor {
	in.t.Helper()
	v := &visitor{instance: in}
	if key != "" {
		v.post("sign-in", url.Values{"key": {key}}).expect(in.t, 303)
	}
	v.get("").expect(in.t, 200)
	return v
}

func (v *visitor) get(below string) answer {
	v.t.Helper()
	return v.send("GET", below, nil)
}

func (v *visitor) send(method, below string, form url.Values, header ...string) answer {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, v.admin+"/console/"+below, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", v.admin)
	}
	if v.cookie != "" {
		req.AddCookie(&http.Cookie{Name: "exeunt_console", Value: v.cookie})
	}
	if v.session != "" {
		req.AddCookie(&http.Cookie{Name: "ory_kratos_session", Value: v.session})
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	a := v.do(req)
	for _, line := range a.header["Set-Cookie"] {
		if value, ours := strings.CutPrefix(line, "exeunt_console="); ours {
			v.cookie, _, _ = strings.Cut(value, ";")
		}
	}
	return a
}

// post sends a form as it stands.
func (v *visitor) post(below string, form url.Values) answer {
	v.t.Helper()
	return v.send("POST", below, form)
}

var tokenField = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

// submit sends a form of a page, with the token that stands on it.
func (v *visitor) submit(page, below string, form url.Values) answer {
	v.t.Helper()
	found := tokenField.FindStringSubmatch(v.get(page).expect(v.t, 200).body)
	if found == nil {
		v.t.Fatalf("%s has no form", page)
	}
	form.Set("csrf_token", strings.ReplaceAll(found[1], "&#43;", "+"))
	return v.post(below, form)
}

// confirm presses the button of a question.
func (v *visitor) confirm(question answer) answer {
	v.t.Helper()
	question.expect(v.t, 200)
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(question.body[strings.Index(question.body, "<main"):], -1) {
		form.Set(m[1], strings.ReplaceAll(m[2], "&#43;", "+"))
	}
	action := regexp.MustCompile(`<form method="post" action="/console/([^"]+)">`).FindStringSubmatch(question.body[strings.Index(question.body, "<main"):])
	if action == nil || form.Get("confirmed") != "yes" {
		v.t.Fatalf("this asks nothing:\n%s", question.body)
	}
	return v.post(strings.ReplaceAll(action[1], "&amp;", "&"), form)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// follow goes where an answer leads.
func (v *visitor) follow(a answer) answer {
	v.t.Helper()
	a.expect(v.t, 303)
	return v.get(strings.TrimPrefix(a.header.Get("Location"), "/console/")).expect(v.t, 200)
}

func (a answer) says(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not say %q:\n%s", text, a.body)
		}
	}
	return a
}

func (a answer) hides(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("the page says %q:\n%s", text, a.body)
		}
	}
	return a
}

func TestConsoleIsOpenOnThisMachineUntilThereIsAKey(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		v := in.console("")
		v.get("").says(t, "There is no key of the admin API yet", "Make the first key")
		in.call("GET", in.public+"/console/", nil).expect(t, 404)
		v.send("GET", "", nil, "Host", "").expect(t, 200)
		req, _ := http.NewRequest("GET", in.admin+"/console/", nil)
		req.Host = "rebound.example:4434"
		in.do(req).expect(t, 403)

		v.post("keys", url.Values{"name": {"root"}, "scope.all": {"yes"}}).expect(t, 403)
		stranger := in.console("")
		made := v.submit("keys", "keys", url.Values{"name": {"root"}, "scope.all": {"yes"}}).expect(t, 200)
		secret := regexp.MustCompile(`ory_pat_[A-Za-z0-9]{32}`).FindString(made.body)
		if secret == "" {
			t.Fatalf("no secret is shown:\n%s", made.body)
		}
		v.get("keys").expect(t, 200).hides(t, secret).says(t, "root")
		if a := stranger.get("keys").expect(t, 303); !strings.Contains(a.header.Get("Location"), "/console/sign-in") {
			t.Errorf("a visit from before the key goes to %s", a.header.Get("Location"))
		}
		in.call("GET", in.admin+"/admin/keys", nil, withKey(secret)...).expect(t, 200)
		if got := in.visits(secret); !slices.Equal(got, []string{"visit_started root"}) {
			t.Errorf("the events tell of %v", got)
		}
	})
}

// visits are what the events tell of visits of the console, the oldest first: what happened, by whom, with whose session.
func (in *instance) visits(key string) (all []string) {
	in.t.Helper()
	for _, e := range in.call("GET", in.admin+"/admin/events", nil, withKey(key)...).expect(in.t, 200).list(in.t) {
		if kind, _ := e["kind"].(string); strings.HasPrefix(kind, "visit_") {
			all = append(all, strings.TrimSpace(fmt.Sprint(kind, " ", e["actor"], " ", e["identity_id"], " ", e["session_id"])))
		}
	}
	return all
}

func TestConsoleIsEnteredWithAKey(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, rootID := in.key("root", "", "all")
		v := &visitor{instance: in}
		v.get("").expect(t, 303)
		v.get("sign-in").expect(t, 200)
		for _, wrong := range []string{"", "x", misspelt(root), strings.Repeat("a", 10000), "ory_pat_\x00"} {
			a := v.post("sign-in", url.Values{"key": {wrong}})
			if a.status != 401 && a.status != 400 {
				t.Errorf("the key %.10q: %d", wrong, a.status)
			}
			a.hides(t, "<td")
		}
		a := v.post("sign-in", url.Values{"key": {" " + root + " "}}).expect(t, 303)
		line := a.header.Get("Set-Cookie")
		for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/console/", "Max-Age=1800"} {
			if !strings.Contains(line, attribute) {
				t.Errorf("the cookie lacks %s: %s", attribute, line)
			}
		}
		if strings.Contains(line+a.body+a.header.Get("Location"), root) || strings.Contains(line, root[8:]) {
			t.Error("the key is in the answer")
		}
		page := v.get("").expect(t, 200).says(t, "root", "Live sessions")
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"} {
			if got := page.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%s is %q", name, got)
			}
		}
		in.call("GET", in.admin+"/admin/sessions", nil, "Cookie", "exeunt_console="+v.cookie).expect(t, 401)
		in.call("GET", in.public+"/console/", nil, "Cookie", "exeunt_console="+v.cookie).expect(t, 404)
		if strings.Contains(in.output.String(), root) {
			t.Error("the key is in the log")
		}

		in.call("DELETE", in.admin+"/admin/keys/"+rootID, nil, withKey(root)...).expect(t, 204)
		in.key("other", "", "all")
		if a := v.get("keys").expect(t, 303); a.header.Get("Location") != "/console/sign-in?over=yes" {
			t.Errorf("with a revoked key: %s", a.header.Get("Location"))
		}
	})
}

func TestConsoleVisitsEndForGood(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v := in.console(root)
		stolen := &visitor{instance: in, cookie: v.cookie}
		stolen.get("sessions").expect(t, 200)
		v.submit("", "sign-out", url.Values{}).expect(t, 303)
		stolen.get("sessions").expect(t, 303)
		if got := in.visits(root); !slices.Equal(got, []string{"visit_started root", "visit_ended root"}) {
			t.Errorf("the events tell of %v", got)
		}

		box := vault.New([][]byte{[]byte("a-secret-for-tests-only")})
		b, err := box.Open("console visit", in.console(root).cookie)
		if err != nil {
			t.Fatal(err)
		}
		for _, ago := range map[string]map[string]time.Duration{
			"unused for too long": {"Issued": 31 * time.Minute}, "begun too long ago": {"Begun": 13 * time.Hour},
		} {
			var doc map[string]any
			if err := json.Unmarshal(b, &doc); err != nil {
				t.Fatal(err)
			}
			for field, d := range ago {
				doc[field] = time.Now().Add(-d).UnixMicro()
			}
			old, _ := json.Marshal(doc) // it was JSON
			(&visitor{instance: in, cookie: box.Close("console visit", old)}).get("sessions").expect(t, 303)
			(&visitor{instance: in, cookie: box.Close("something else", b)}).get("sessions").expect(t, 303)
		}
		(&visitor{instance: in, cookie: box.Close("console visit", b)}).get("sessions").expect(t, 200)
		(&visitor{instance: in, cookie: "made-up"}).get("sessions").expect(t, 303)
	})
}

func TestConsoleRefusesForgedForms(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		p := in.person()
		v, other := in.console(root), in.console(root)
		end := url.Values{"ids": {""}, "one": {p.session}}
		v.post("sessions/end", end).expect(t, 403)
		otherToken := tokenField.FindStringSubmatch(other.get("sessions").body)[1]
		end.Set("csrf_token", strings.ReplaceAll(otherToken, "&#43;", "+"))
		v.post("sessions/end", end).expect(t, 403)
		other.send("POST", "sessions/end", end, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").expect(t, 403)
		other.send("POST", "sign-in", url.Values{"key": {root}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").expect(t, 403)
		other.post("sessions/end", end).expect(t, 200).says(t, "End this session?")
		in.whoami(p.token).expect(t, 200)
		v.get("sessions/end").expect(t, 405)
		for _, ids := range []string{"", "AAAA", strings.Repeat("A", 100_000), "!!"} {
			v.submit("sessions", "sessions/end", url.Values{"confirmed": {"yes"}, "ids": {ids}}).expect(t, 400)
		}
		twice := end.Encode() + "&csrf_token=x"
		req, _ := http.NewRequest("POST", in.admin+"/console/sessions/end", strings.NewReader(twice))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", "exeunt_console="+other.cookie)
		in.do(req).expect(t, 400)
		in.whoami(p.token).expect(t, 200)
	})
}

func TestConsoleHonoursScopes(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		p := in.person()
		for scope, opens := range map[string][]string{
			"sessions:read": {"sessions", "events", "hooks"}, "sessions:write": {"sessions", "events", "hooks"},
			"identities:read": {"identities", "identities/" + p.id}, "identities:write": {"identities", "identities/" + p.id}, "settings": {"redirects"},
		} {
			secret, _ := in.key(strings.ReplaceAll(scope, ":", "-"), root, scope)
			v := in.console(secret)
			for _, below := range []string{"sessions", "identities", "identities/" + p.id, "events", "events/stream", "hooks", "redirects", "keys"} {
				if below == "events/stream" && contains(opens, "events") {
					continue // it has no end
				}
				want := 403
				if contains(opens, below) {
					want = 200
				}
				v.get(below).expect(t, want)
			}
			for below, needs := range map[string]string{
				"sessions/end": "sessions:write", "identities/" + p.id + "/state": "identities:write", "identities/" + p.id + "/sessions": "sessions:write",
				"hooks": "sessions:write", "redirects": "settings", "keys": "", "keys/revoke": "",
			} {
				a := v.submit("", below, url.Values{"confirmed": {"yes"}})
				if (a.status == 403) != (needs != scope) {
					t.Errorf("%s with %s: %d", below, scope, a.status)
				}
			}
		}
		reader, _ := in.key("reader", root, "sessions:read")
		in.console(reader).get("sessions").says(t, p.session).hides(t, "<button type=\"submit\" name=\"one\"", "End all that fit", "Extend")
	})
}

func TestConsoleEndsAndExtendsSessions(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("boss", "", "all")
		v := in.console(root)
		in.register("ada@example.org")
		one, oneID := in.login("ada@example.org")
		two, twoID := in.login("ada@example.org")
		in.register("bob@example.org")
		three, threeID := in.login("bob@example.org")

		v.get("sessions?who=ada%40example.org").says(t, oneID, twoID).hides(t, threeID)
		v.get("sessions?who="+threeID).says(t, threeID).hides(t, oneID)
		v.get("sessions?who=nobody%40example.org").says(t, "No session fits")
		v.get("sessions?ip=127.0.0.1&method=password&aal=aal1&age=1h&state=live&browser=go-http").says(t, oneID, threeID)
		for _, none := range []string{"ip=192.0.2.1", "method=totp", "aal=aal2", "age=-24h", "state=ended", "reason=logout", "browser=firefox", "browser=%25", "browser=_"} {
			v.get("sessions?"+none).hides(t, oneID, threeID)
		}
		v.get("sessions?ip=nonsense").expect(t, 400)
		v.get("sessions?after=nonsense").expect(t, 400)

		v.follow(v.submit("sessions", "sessions/end", url.Values{"extend": {oneID}})).says(t, "The session was extended")
		question := v.submit("sessions?who=ada%40example.org", "sessions/end?who=ada%40example.org", url.Values{"one": {oneID}})
		in.whoami(one).expect(t, 200)
		v.follow(v.confirm(question)).says(t, "1 session was ended", "signed out by an administrator", "by boss")
		in.whoami(one).expect(t, 401)
		v.follow(v.confirm(question)).says(t, "There was nothing left to end")

		question = v.submit("sessions", "sessions/end", url.Values{"selected": {"yes"}, "session." + twoID: {"yes"}, "session." + threeID: {"yes"}})
		v.follow(v.confirm(question.says(t, "End 2 sessions?", "ada@example.org", "bob@example.org"))).says(t, "2 sessions were ended")
		in.whoami(two).expect(t, 401)
		in.whoami(three).expect(t, 401)
		v.follow(v.submit("sessions", "sessions/end", url.Values{"selected": {"yes"}})).says(t, "Nothing was chosen")

		var four string
		for range 3 {
			four, _ = in.login("bob@example.org")
		}
		five, _ := in.login("ada@example.org")
		question = v.submit("sessions", "sessions/end?who=bob%40example.org", url.Values{"all": {"yes"}})
		v.follow(v.confirm(question.says(t, "End 3 sessions?"))).says(t, "3 sessions were ended")
		for range 13 {
			in.login("bob@example.org")
		}
		v.follow(v.confirm(v.submit("sessions", "sessions/end?who=bob%40example.org", url.Values{"all": {"yes"}}).says(t, "End 13 sessions?", "<li>and 3 more</li>"))).says(t, "13 sessions were ended")
		in.whoami(four).expect(t, 401)
		in.whoami(five).expect(t, 200)
		v.get("events?kind=session_ended").says(t, "boss", "revoked_by_admin")
		in.call("GET", in.admin+"/admin/events?kind=session_ended", nil, withKey(root)...).expect(t, 200).says(t, `"actor":"boss"`)
	})
}

func TestConsolePagesFollowOneAnother(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		v := in.console("")
		in.register("many@example.org")
		want := map[string]bool{}
		for range 120 {
			_, id := in.login("many@example.org")
			want[id] = true
		}
		row := regexp.MustCompile(`id="pick-([0-9a-f-]{36})"`)
		pages, at := 0, "sessions?state=live"
		for ; at != "" && pages < 5; pages++ {
			a := v.get(at).expect(t, 200)
			for _, m := range row.FindAllStringSubmatch(a.body, -1) {
				if !want[m[1]] {
					t.Errorf("%s is there twice", m[1])
				}
				delete(want, m[1])
			}
			at = ""
			if m := regexp.MustCompile(`href="/console/([^"]+)" rel="next"`).FindStringSubmatch(a.body); m != nil {
				at = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if pages != 3 || len(want) != 0 {
			t.Errorf("after %d pages, %d sessions are missing", pages, len(want))
		}
		first := v.get("events?kind=session_started").expect(t, 200)
		next := regexp.MustCompile(`href="/console/(events[^"]+)" rel="next"`).FindStringSubmatch(first.body)
		if next == nil {
			t.Fatal("the events have no second page")
		}
		v.get(strings.ReplaceAll(next[1], "&amp;", "&")).expect(t, 200).hides(t, "data-stream")
		v.get("").says(t, "<dt>Sign-ins today</dt><dd>120</dd>", "<dt>Live sessions</dt><dd>120</dd>")
	})
}

func TestConsoleShowsAndDeactivatesPeople(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("boss", "", "all")
		v := in.console(root)
		id := in.register("ada@example.org")
		token, _ := in.login("ada@example.org")
		in.register("bob@example.org")
		v.get("identities?q=ada").says(t, "ada@example.org").hides(t, "bob@example.org")
		v.get("identities?q="+id).says(t, "ada@example.org").hides(t, "bob@example.org")
		v.get("identities").says(t, "ada@example.org", "bob@example.org")
		v.get("identities/"+id).says(t, "ada@example.org", "password", "End all sessions").hides(t, "argon2")
		v.get("identities/nonsense").expect(t, 404)
		v.get("identities/00000000-0000-4000-8000-000000000000").expect(t, 404)

		v.follow(v.confirm(v.submit("identities/"+id, "identities/"+id+"/sessions", url.Values{}).says(t, "End all sessions of ada@example.org?"))).says(t, "1 session was ended")
		in.whoami(token).expect(t, 401)
		token, _ = in.login("ada@example.org")
		question := v.submit("identities/"+id, "identities/"+id+"/state", url.Values{"to": {"inactive"}}).says(t, "Deactivate ada@example.org?")
		in.whoami(token).expect(t, 200)
		v.follow(v.confirm(question)).says(t, "deactivated")
		in.whoami(token).expect(t, 401)
		v.follow(v.submit("identities/"+id, "identities/"+id+"/state", url.Values{"to": {"active"}})).says(t, "active again")
		in.login("ada@example.org")
		v.submit("identities/"+id, "identities/"+id+"/state", url.Values{"to": {"gone"}}).expect(t, 400)
	})
}

func TestConsoleShowsScriptsAsText(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		v := in.console("")
		const evil = `"'><script>alert(1)</script>`
		p := in.call("POST", in.admin+"/admin/identities", object{"schema_id": "default", "traits": object{"email": "x@example.org", "name": object{"first": evil}},
			"metadata_admin": object{"x": evil}, "external_id": evil, "credentials": object{"password": object{"config": object{"password": passphrase}}}})
		id := p.expect(t, 201).text(t, "id")
		f := in.call("GET", in.public+"/self-service/login/api", nil).expect(t, 200)
		in.call("POST", in.act(f), object{"method": "password", "identifier": "x@example.org", "password": passphrase},
			"User-Agent", evil+" Firefox/1").expect(t, 200)
		for _, below := range []string{"", "sessions", "identities", "identities/" + id, "events", "sessions?browser=" + url.QueryEscape(evil),
			"sessions?who=" + url.QueryEscape(evil), "identities?q=" + url.QueryEscape(evil), "events?kind=" + url.QueryEscape(evil), "sessions?ip=" + url.QueryEscape(evil)} {
			a := v.get(below)
			if a.status != 200 && a.status != 400 {
				t.Errorf("%s: %d", below, a.status)
			}
			a.hides(t, "<script>", "alert(1)</")
		}
		v.get("sessions?browser="+url.QueryEscape(evil)).says(t, "x@example.org")
		v.submit("keys", "keys", url.Values{"name": {evil}, "scope.all": {"yes"}}).expect(t, 400).hides(t, "<script>")
		v.submit("redirects", "redirects", url.Values{"version": {"0"}, "logout": {evil}}).expect(t, 400).hides(t, "<script>")
	})
}

func TestConsoleChangesRedirects(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "selfservice: {allowed_return_urls: ['https://app.example/']}\n", func(t *testing.T, in *instance) {
		root, _ := in.key("boss", "", "all")
		v, other := in.console(root), in.console(root)
		page := v.get("redirects").says(t, "https://app.example/", "Now from: exeunt.yml")
		value := func(name string, a answer) string {
			m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.body)
			if m == nil {
				t.Fatalf("no field %s:\n%s", name, a.body)
			}
			return m[1]
		}
		form := func(a answer, logout, allowed string) url.Values {
			return url.Values{"version": {value("version", a)}, "logout": {logout}, "default": {value("default", a)}, "allowed": {allowed}}
		}
		v.follow(v.submit("redirects", "redirects", form(page, "https://app.example/bye", "https://app.example/\r\nhttps://shop.example/"))).
			says(t, "Saved", "https://app.example/bye", "https://shop.example/", "Now from: store")
		stale := other.submit("redirects", "redirects", form(page, "https://app.example/other", "https://app.example/")).expect(t, 412)
		stale.says(t, "Somebody has changed the settings meanwhile", "https://app.example/other")
		now := v.get("redirects")
		v.submit("redirects", "redirects", form(now, "javascript:alert(1)", "nonsense")).expect(t, 400).says(t, "javascript:alert(1)", `role="alert"`)
		v.follow(v.submit("redirects", "redirects", form(now, "https://app.example/bye", "https://app.example/\nhttps://shop.example/"))).says(t, "Nothing was changed")
		v.follow(v.submit("redirects", "redirects", form(now, "", ""))).says(t, "Now from: exeunt.yml").hides(t, "shop.example")
		v.get("events?kind=settings_changed").says(t, "boss", "https://app.example/bye")
	})
}

func TestConsoleMakesAndRevokesKeys(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v := in.console(root)
		made := v.submit("keys", "keys", url.Values{"name": {"robot"}, "scope.sessions:read": {"yes"}, "expires": {"720h"}}).expect(t, 200)
		secret := regexp.MustCompile(`ory_pat_[A-Za-z0-9]{32}`).FindString(made.body)
		robot := in.console(secret)
		v.submit("keys", "keys", url.Values{"name": {"robot"}, "scope.all": {"yes"}}).expect(t, 409)
		v.submit("keys", "keys", url.Values{"name": {"none"}}).expect(t, 400)
		v.submit("keys", "keys", url.Values{"name": {"x"}, "scope.everything": {"yes"}}).expect(t, 400)
		v.submit("keys", "keys", url.Values{"name": {"x"}, "scope.all": {"yes"}, "expires": {"1000000h"}}).expect(t, 400)
		id := regexp.MustCompile(`name="key" value="([^"]+)" class="small quiet" aria-label="Revoke the key robot"`).FindStringSubmatch(v.get("keys").body)
		if id == nil {
			t.Fatal("robot cannot be revoked")
		}
		question := v.submit("keys", "keys/revoke", url.Values{"key": {id[1]}}).says(t, "Revoke the key robot?")
		robot.get("sessions").expect(t, 200)
		v.follow(v.confirm(question)).says(t, "The key is revoked")
		robot.get("sessions").expect(t, 303)
		v.get("events?kind=key_revoked").says(t, "robot", "root")
	})
}

func TestConsoleKeysAreGuessedInVain(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "serve: {public: {port: 0, failed_attempts_per_minute: 3}, admin: {port: 0}}\n", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		v := &visitor{instance: in}
		for range 3 {
			v.post("sign-in", url.Values{"key": {misspelt(root)}}).expect(t, 401).says(t, "does not count")
		}
		refused := v.post("sign-in", url.Values{"key": {misspelt(root)}}).expect(t, 429)
		if refused.header.Get("Retry-After") == "" {
			t.Error("nobody is told how long to wait")
		}
		in.call("GET", in.admin+"/admin/keys", nil, withKey(misspelt(root))...).expect(t, 429)
		v.post("sign-in", url.Values{"key": {root}}).expect(t, 303)
	})
}

func TestConsoleSendsDeliveriesAgain(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "session: {hooks: [{url: 'http://127.0.0.1:1/', secret: a-secret-for-tests-only-of-some-length, give_up_after: 1s, allow_private_addresses: true}]}\n", func(t *testing.T, in *instance) {
		root, _ := in.key("boss", "", "all")
		reader, _ := in.key("reader", root, "sessions:read")
		v := in.console(root)
		in.register("ada@example.org")
		token, _ := in.login("ada@example.org")
		in.logout(token).expect(t, 204)
		delivery := regexp.MustCompile(`name="delivery" value="([^"]+)"`)
		var found []string
		until(t, func() bool {
			found = delivery.FindStringSubmatch(v.get("hooks").expect(t, 200).body)
			return found != nil
		})
		in.console(reader).get("hooks").says(t, "connection refused").hides(t, "Send again")
		v.post("hooks", url.Values{"delivery": {found[1]}}).expect(t, 403)
		v.follow(v.submit("hooks", "hooks", url.Values{"delivery": {found[1]}})).says(t, "It is being sent again")
		v.submit("hooks?state=", "hooks", url.Values{"delivery": {"made-up"}}).expect(t, 404)
		until(t, func() bool { return strings.Contains(v.get("events?kind=delivery_retried").body, found[1]) }) // the page does not wait for long
		v.get("events?kind=delivery_retried").says(t, "boss")
	})
}

func TestConsoleStopsTellingWhoseKeyIsRevoked(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		reader, id := in.key("reader", root, "sessions:read")
		v := in.console(reader)
		req, err := http.NewRequest("GET", in.admin+"/console/events/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "exeunt_console="+v.cookie)
		resp, err := in.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("the stream is %q", kind)
		}
		in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
		in.register("ada@example.org")
		told, err := io.ReadAll(resp.Body) // it has an end now
		if err != nil || strings.Contains(string(told), "identity_created") {
			t.Errorf("what happened after that was told: %s, %v", told, err)
		}
	})
}
