package main

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// set changes settings, and returns the answer.
func (in *instance) set(patch any, header ...string) answer {
	in.t.Helper()
	return in.call("PATCH", in.admin+"/admin/settings", patch, header...)
}

func afterLogout(address any) object {
	return object{"selfservice": object{"flows": object{"logout": object{"after": object{"default_browser_return_url": address}}}}}
}

// signsOutTo is where a browser that signs out is sent.
func (in *instance) signsOutTo() string {
	in.t.Helper()
	b, _ := in.visitor()
	address, _ := b.leaving("")
	return b.page(address).to(in.t, 303)
}

const atFirst = `session: {lifespan: 12h}
selfservice: {default_browser_return_url: "https://app.example/home", allowed_return_urls: ["https://app.example/"]}
`

func TestContractSettingsChangeAtRunTime(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		a := in.call("GET", in.admin+"/admin/settings", nil).expect(t, 200)
		a.is(t, "version", 0).is(t, "changed_at", nil).is(t, "settings.session.lifespan", "12h").is(t, "settings.session.max_lifespan", "0s").is(t, "settings.session.limit.max", 0).
			is(t, "settings.selfservice.allowed_return_urls.0", "https://app.example/").is(t, "settings.selfservice.flows.logout.after.default_browser_return_url", nil)
		if !strings.Contains(a.body, `"session.lifespan":"exeunt.yml:`) || !strings.Contains(a.body, `"session.limit.max":"default"`) || a.header.Get("ETag") != `"0"` {
			t.Errorf("the settings are %s with the ETag %s", a.body, a.header.Get("ETag"))
		}
		if to := in.signsOutTo(); to != "https://app.example/home" {
			t.Errorf("signing out leads to %s", to)
		}

		a = in.set(afterLogout("https://bye.example/x")).expect(t, 200)
		a.is(t, "version", 1).is(t, "settings.selfservice.flows.logout.after.default_browser_return_url", "https://bye.example/x").
			is(t, "stored.selfservice.flows.logout.after.default_browser_return_url", "https://bye.example/x")
		if !strings.Contains(a.body, `"selfservice.flows.logout.after.default_browser_return_url":"store"`) || a.header.Get("ETag") != `"1"` {
			t.Errorf("the settings are %s", a.body)
		}
		if to := in.signsOutTo(); to != "https://bye.example/x" {
			t.Errorf("signing out leads to %s", to)
		}
		in.set(object{"session": object{"lifespan": "1h", "limit": object{"max": 1, "policy": "evict_oldest"}}, "selfservice": object{"allowed_return_urls": []string{"https://other.example/"}}},
			"Content-Type", "application/merge-patch+json", "If-Match", `"1"`).expect(t, 200).is(t, "version", 2)
		p := in.person()
		s := in.whoami(p.token).expect(t, 200)
		if at, err := time.Parse(time.RFC3339, s.text(t, "expires_at")); err != nil || time.Until(at) > time.Hour {
			t.Errorf("a session begun under a lifespan of an hour expires at %v", s.text(t, "expires_at"))
		}
		second, _ := in.login(p.email)
		in.whoami(p.token).expect(t, 401)
		in.whoami(second).expect(t, 200)
		in.call("GET", in.public+"/self-service/login/browser?return_to=https://other.example/ok", nil, "Accept", asJSON).expect(t, 200)
		in.call("GET", in.public+"/self-service/login/browser?return_to=https://app.example/ok", nil, "Accept", asJSON).expect(t, 400)

		in.set(object{"session": nil, "selfservice": object{"allowed_return_urls": nil}}).expect(t, 200).is(t, "settings.session.lifespan", "12h").is(t, "settings.session.limit.max", 0).
			is(t, "settings.selfservice.allowed_return_urls.0", "https://app.example/").is(t, "settings.selfservice.flows.logout.after.default_browser_return_url", "https://bye.example/x")
		in.set(object{"session": nil}).expect(t, 200).is(t, "version", 3)
		in.set(object{}).expect(t, 200).is(t, "version", 3)

		events := in.call("GET", in.admin+"/admin/events?kind=settings_changed", nil).expect(t, 200)
		events.is(t, "0.reason", `{"key":"selfservice.flows.logout.after.default_browser_return_url","before":null,"after":"https://bye.example/x"}`).is(t, "0.actor", "admin").
			is(t, "1.reason", `{"key":"selfservice.allowed_return_urls","before":["https://app.example/"],"after":["https://other.example/"]}`).
			is(t, "2.reason", `{"key":"session.lifespan","before":"12h","after":"1h"}`).
			is(t, "3.reason", `{"key":"session.limit.max","before":0,"after":1}`)
		if n := len(events.list(t)); n != 7 {
			t.Errorf("there are %d events, want 7: %s", n, events.body)
		}
	})
}

// Signing out never fails, and what is said to be over is over, whatever the rules become then.
func TestContractSigningOutUnderStricterRules(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "session: {lifespan: 1h}\n"+leaving, func(t *testing.T, in *instance) {
		b, p := in.visitor()
		cookie, other := b.cookie(), in.person()
		address, _ := b.leaving("")
		in.set(object{"session": object{"lifespan": "1s", "max_lifespan": "1s"}}).expect(t, 200)
		whoami := func() int {
			return in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).status
		}
		until(t, func() bool { return whoami() == 401 })
		until(t, func() bool { return in.whoami(other.token).status == 401 })
		in.call("PATCH", in.admin+"/admin/sessions/"+p.session+"/extend", nil).refused(t, 404, "session_not_extendable")
		in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying(cookie)).refused(t, 401, "session_inactive").sets(t, removed)
		for range 2 {
			if to := in.call("GET", address, nil, "Accept", asPage, "Cookie", carrying(cookie)).sets(t, removed).to(t, 303); to != bye {
				t.Errorf("led to %s", to)
			}
		}
		in.set(object{"session": object{"lifespan": nil, "max_lifespan": nil}}).expect(t, 200)
		if status := whoami(); status != 401 {
			t.Errorf("under looser rules the session is answered with %d", status)
		}
		in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
		in.whoami(other.token).expect(t, 401)
	})
}

func TestContractSettingsThatAreNotGoodChangeNothing(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		a := in.set(object{"session": object{"lifespan": "24", "idle_timeout": "48h", "max_lifespan": true}, "selfservice": object{"default_browser_return_url": "javascript:alert(1)",
			"allowed_return_urls": []string{"https://*", "https://ok.example/", "//x"}}}).refused(t, 400, "settings_invalid")
		for _, want := range []string{`session.lifespan: \"24\" has no unit; write 24h`, "session.max_lifespan", "selfservice.default_browser_return_url", "selfservice.allowed_return_urls[0]", "selfservice.allowed_return_urls[2]"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%q is not told: %s", want, a.body)
			}
		}
		in.set(object{"session": object{"max_lifespan": "1h"}}).refused(t, 400, "settings_invalid")
		for _, body := range []any{
			object{"sesion": object{}}, object{"session": object{"cookie": object{"name": "x"}}}, object{"secrets": object{"default": []string{"0123456789abcdef"}}}, object{"dsn": "memory"},
			object{"session.lifespan": "1h"}, object{"session": "1h"}, object{"session": object{"lifespan": object{"hours": 1}}}, object{"session": object{"limit": 3}},
			object{"session": object{"limit": object{"max": "3"}}}, object{"session": object{"limit": object{"max": 1e99}}}, object{"selfservice": object{"allowed_return_urls": "https://x.example/"}},
			object{"selfservice": object{"allowed_return_urls": []any{nil}}}, object{"": object{}}, object{"session": object{"": nil}}, "[]", "null", "{", `{"session":{"lifespan":"1h","lifespan":"2h"}}`,
			object{"selfservice": object{"default_browser_return_url": "https://x.example/" + strings.Repeat("y", 2<<20)}},
		} {
			if got := in.set(body); got.status != 400 && got.status != 413 {
				t.Errorf("%.80v answers %d\n%s", body, got.status, got.body)
			}
		}
		for _, tag := range []string{"0", `W/"0"`, `"x"`, `"-1"`, ""} {
			if got := in.set(object{"session": object{"lifespan": "1h"}}, "If-Match", tag); tag != "" && got.status != 400 {
				t.Errorf("If-Match: %s answers %d", tag, got.status)
			}
		}
		in.set(object{"session": object{"lifespan": "2h"}}, "If-Match", `"0"`).refused(t, 412, "settings_changed_meanwhile")
		in.call("GET", in.admin+"/admin/settings", nil).is(t, "version", 1).is(t, "settings.session.lifespan", "1h")
	})
}

func TestContractNodesAgreeOnSettings(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		if engine.Name != testkit.PostgreSQL {
			continue // a SQLite database has one node
		}
		dsn := engine.DSN(t)
		one, two := start(t, dsn, atFirst), start(t, dsn, atFirst)
		root, id := one.key("root", "", "all")
		two.call("GET", two.public+"/admin/settings", nil).refused(t, 401, "admin_key_missing")
		one.set(afterLogout("https://bye.example/x"), withKey(root)...).expect(t, 200)
		began := time.Now()
		until(t, func() bool { return two.signsOutTo() == "https://bye.example/x" })
		t.Logf("the other node knew after %v", time.Since(began))
		two.set(object{"session": object{"lifespan": "3h"}}, append(withKey(root), "If-Match", `"1"`)...).expect(t, 200).is(t, "version", 2)
		one.call("GET", one.admin+"/admin/settings", nil, withKey(root)...).is(t, "settings.session.lifespan", "3h")
		two.call("DELETE", two.public+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
		one.call("GET", one.public+"/admin/settings", nil, withKey(root)...).expect(t, 404)
	}
}

func TestContractSettingsThatAreChangedAtOnceAreAllThere(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		patches := []object{
			{"session": object{"lifespan": "11h"}}, {"session": object{"max_lifespan": "100h"}}, {"session": object{"idle_timeout": "1h"}},
			{"session": object{"limit": object{"max": 7}}}, {"selfservice": object{"default_browser_return_url": "https://a.example/"}}, afterLogout("https://b.example/"),
		}
		if all := together(len(patches), func(i int) int { return in.set(patches[i]).status }); all[len(all)-1] != 200 {
			t.Errorf("changes at once answer %v", all)
		}
		in.call("GET", in.admin+"/admin/settings", nil).is(t, "version", len(patches)).is(t, "settings.session.lifespan", "11h").is(t, "settings.session.max_lifespan", "100h").
			is(t, "settings.session.idle_timeout", "1h").is(t, "settings.session.limit.max", 7).is(t, "settings.selfservice.default_browser_return_url", "https://a.example/")
		tagged := together(5, func(int) int {
			return in.set(object{"session": object{"limit": object{"max": 8}}}, "If-Match", `"6"`).status
		})
		if want := []int{200, 412, 412, 412, 412}; !slices.Equal(tagged, want) {
			t.Errorf("of five changes of one version %v, want %v", tagged, want)
		}
	})
}

// A node whose files do not go with what another has set keeps what it has, and says so.
func TestContractANodeKeepsItsSettingsWhenNewOnesAreNotGoodForIt(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		if engine.Name != testkit.PostgreSQL {
			continue
		}
		dsn := engine.DSN(t)
		one, strict := start(t, dsn, atFirst), start(t, dsn, "session: {lifespan: 2h, max_lifespan: 4h}\n")
		one.set(object{"session": object{"lifespan": "10h"}}).expect(t, 200)
		until(t, func() bool { return strings.Contains(strict.output.String(), "are not good for this node") })
		strict.call("GET", strict.admin+"/admin/settings", nil).is(t, "settings.session.lifespan", "2h").is(t, "version", 0)
		strict.set(object{"session": object{"max_lifespan": "20h"}}).expect(t, 200).is(t, "settings.session.lifespan", "10h").is(t, "version", 2)
	}
}

// lineOf is the line that `exeunt config show` has for a key, beside the server.
func (in *instance) lineOf(key string) string {
	in.t.Helper()
	var out, notes bytes.Buffer
	cmd := command(&out, &notes)
	cmd.SetArgs([]string{"config", "show", "-c", in.file})
	if err := cmd.ExecuteContext(in.t.Context()); err != nil || notes.Len() > 0 {
		in.t.Fatalf("%v %s", err, notes.String())
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, key+" ") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

func TestContractTheCommandShowsWhatTheStoreSays(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		if got := in.lineOf("session.lifespan"); !strings.HasPrefix(got, "session.lifespan 12h "+in.file+":") {
			t.Errorf("at first it shows %q", got)
		}
		in.set(object{"session": object{"lifespan": "7h"}}).expect(t, 200)
		if got := in.lineOf("session.lifespan"); got != "session.lifespan 7h store" {
			t.Errorf("then it shows %q", got)
		}
	})
}

// A file that does not go with what the store says keeps a server from starting: it says which setting is in the way, and the
// command takes that back without a server.
func TestContractASettingThatIsInTheWayIsNamedAndTakenBack(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		in.set(object{"session": object{"lifespan": "5h", "limit": object{"max": 4}}}).expect(t, 200)
		in.rewrite(func(text string) string {
			return strings.Replace(text, "lifespan: 12h", "lifespan: 2h, max_lifespan: 3h", 1)
		})
		if err := in.stop(); err != nil {
			t.Fatal(err)
		}
		c, err := load([]string{in.file}, false)
		if err != nil {
			t.Fatal(err)
		}
		err = serve(t.Context(), c, true, io.Discard, io.Discard)
		for _, want := range []string{"session.lifespan (5h0m0s) is longer", "The store sets session.lifespan, over files", "exeunt config reset session.lifespan"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("it starts, or does not say %q: %v", want, err)
			}
		}
		reset := func(keys ...string) (string, error) {
			var out bytes.Buffer
			cmd := command(&out, &out)
			cmd.SetArgs(append([]string{"config", "reset", "-c", in.file}, keys...))
			err := cmd.ExecuteContext(t.Context())
			return out.String(), err
		}
		if _, err := reset("session.lifespam"); err == nil || !strings.Contains(err.Error(), "session.max_lifespan") {
			t.Errorf("a key that is no setting: %v", err)
		}
		for range 2 { // the second time there is nothing to do
			if text, err := reset("session.lifespan"); err != nil || !strings.Contains(text, "session.lifespan") {
				t.Errorf("taking it back: %v %s", err, text)
			}
		}
		again := start(t, in.dsn, "session: {lifespan: 2h, max_lifespan: 3h}\n")
		again.call("GET", again.admin+"/admin/settings", nil).expect(t, 200).is(t, "settings.session.lifespan", "2h").is(t, "settings.session.limit.max", 4).is(t, "version", 2)
		events := again.call("GET", again.admin+"/admin/events?last=1", nil).expect(t, 200)
		if !strings.Contains(events.body, `\"before\":\"5h\",\"after\":\"2h\"`) {
			t.Errorf("the event of it is %s", events.body)
		}
	})
}

// rewrite puts another text into the server's configuration file.
func (in *instance) rewrite(change func(string) string) {
	in.t.Helper()
	text, err := os.ReadFile(in.file)
	if err != nil {
		in.t.Fatal(err)
	}
	if err := os.WriteFile(in.file, []byte(change(string(text))), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

func TestContractFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	onEachEngine(t, atFirst, func(t *testing.T, in *instance) {
		said := func(what string) func() bool {
			return func() bool { return strings.Contains(in.output.String(), what) }
		}
		in.rewrite(func(text string) string { return strings.Replace(text, "app.example/home", "app.example/new", 1) })
		until(t, func() bool { return in.signsOutTo() == "https://app.example/new" })
		until(t, said("the configuration was reloaded"))

		in.set(object{"session": object{"lifespan": "5h"}}).expect(t, 200)
		in.rewrite(func(text string) string {
			return strings.Replace(text, "lifespan: 12h", "lifespan: 13h, max_lifespan: 3h, cookie: {name: other}", 1) + "nonsense: 1\n"
		})
		until(t, said("session.lifespan (5h0m0s) is longer than session.max_lifespan (3h0m0s)"))
		until(t, said("unknown key nonsense"))
		in.call("GET", in.admin+"/admin/settings", nil).is(t, "settings.session.lifespan", "5h").is(t, "settings.session.max_lifespan", "0s")
		in.set(object{"session": object{"idle_timeout": "1h"}}).expect(t, 200)

		in.rewrite(func(text string) string {
			return strings.Replace(strings.Replace(text, "nonsense: 1\n", "", 1), "max_lifespan: 3h", "max_lifespan: 30h", 1)
		})
		until(t, said("take effect after a restart"))
		if text := in.output.String(); !strings.Contains(text, "keys=session.cookie.name") {
			t.Errorf("the log does not say what needs a restart: %s", text)
		}
		in.call("GET", in.admin+"/admin/settings", nil).is(t, "settings.session.lifespan", "5h").is(t, "settings.session.max_lifespan", "30h").is(t, "settings.session.idle_timeout", "1h")
		in.set(object{"session": nil}).expect(t, 200).is(t, "settings.session.lifespan", "13h")
		b, _ := in.visitor()
		if b.cookie() == "" {
			t.Error("a cookie's name has changed without a restart")
		}
		count := strings.Count(in.output.String(), "the configuration was reloaded")
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // each server of this process hears it
			t.Fatal(err)
		}
		until(t, func() bool { return strings.Count(in.output.String(), "the configuration was reloaded") > count })
	})
}

// A node that cannot read the store keeps the settings that it has, says so, and learns of new ones when it can again.
func TestContractSettingsStayWhileTheStoreCannotBeRead(t *testing.T) {
	t.Parallel()
	if !testkit.HasPostgres() {
		return // an embedded database cannot be taken away
	}
	dsn := testkit.Postgres(t)
	proxy := testkit.NewProxy(t, testkit.Host(t, dsn))
	one, cut := start(t, dsn, atFirst), start(t, testkit.WithHost(t, dsn, proxy.Addr()), atFirst)
	one.set(afterLogout("https://bye.example/1")).expect(t, 200)
	until(t, func() bool { return cut.signsOutTo() == "https://bye.example/1" })
	proxy.Cut()
	until(t, func() bool {
		return strings.Contains(cut.output.String(), "the settings in the store cannot be read; those that were in force stay")
	})
	cut.call("GET", cut.admin+"/admin/settings", nil).expect(t, 503)
	one.set(afterLogout("https://bye.example/2")).expect(t, 200)
	proxy.Heal()
	until(t, func() bool { return strings.Contains(cut.output.String(), "can be read again") })
	until(t, func() bool { return cut.signsOutTo() == "https://bye.example/2" })
	if n := strings.Count(cut.output.String(), "the settings in the store cannot be read"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}
