package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

// makeFirstKey makes the first key in the console, which is open until then, and returns its secret.
func (b *tab) makeFirstKey(p *testkit.Process) string {
	b.t.Helper()
	b.open(p.Admin + "/console/keys")
	b.sees("There is no key of the admin API yet")
	b.typeIn("#name", "ops")
	b.press(`form[action$="/console/keys"] button`)
	b.until("the key is made", `document.querySelector(".secret code")`)
	return evaluate[string](b, `document.querySelector(".secret code").innerText`)
}

// enter signs in to the console with a key.
func (b *tab) enter(p *testkit.Process, key string) {
	b.t.Helper()
	b.open(p.Admin + "/console/")
	b.typeIn("#key", key)
	b.press("main button")
	b.until("the overview is there", `document.querySelector(".figures")`)
}

// bystander is an application that knows nothing of the server.
func bystander(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><title>Shop</title><p>Come again.</p>")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// waitUntilKnown returns when a node allows an address that was set on another one, and says how long that took.
func waitUntilKnown(t *testing.T, p *testkit.Process, address string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-tick.C {
		answer, err := client.Get(p.Public + "/self-service/login/browser?return_to=" + url.QueryEscape(address))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if strings.Contains(answer.Header.Get("Location"), "/ui/login") {
			t.Logf("the other node goes by it after %v", time.Since(begun).Round(time.Millisecond))
			return
		}
	}
	t.Fatal("the other node does not know of it")
}

// An administrator says where people go who sign out, on one node; somebody who uses another node goes there.
func TestTheRedirectOfTheConsoleIsWhereSigningOutLeads(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("with scripts %v", scripts), func(t *testing.T) {
			dsn := testkit.Postgres(t)
			one, two := alone(t, dsn, "lifespan: 24h", ""), alone(t, dsn, "lifespan: 24h", "")
			app := bystander(t)
			boss, user := chromium(t), chromium(t)
			if !scripts {
				boss.withoutScripts()
				user.withoutScripts()
			}
			boss.makeFirstKey(one)
			boss.open(one.Admin + "/console/redirects")
			boss.do("filling in the list", chromedp.SendKeys(chromedp.CSS("#allowed"), app+"/"))
			boss.typeIn("#logout", app+"/bye")
			boss.press(`form[action$="/console/redirects"] button`)
			boss.sees("Saved")
			waitUntilKnown(t, two, app+"/")

			user.register(two.Public, "ada@example.org")
			user.open(two.Public + "/self-service/logout")
			user.until("the question is there", `location.pathname === "/ui/logout"`)
			user.press("form[data-after] button")
			user.until("the person is at the application", `location.href === "`+app+`/bye"`)
			user.open(two.Public + "/ui/")
			user.until("and is signed out", `location.pathname === "/ui/login"`)
		})
	}
}

// Two people at the console: what one does, the other sees, and the end of a key ends both their visits.
func TestTheConsoleGoesOnByItself(t *testing.T) {
	t.Parallel()
	p := alone(t, testkit.File(t), "lifespan: 24h", "")
	boss := chromium(t)
	key := boss.makeFirstKey(p)
	other := chromium(t)
	other.enter(p, key)
	other.open(p.Admin + "/console/events?kind=session_started")
	other.sees("Nothing of the kind has happened")
	user := chromium(t)
	user.register(p.Public, "ada@example.org")
	other.until("the sign-in appears by itself", `document.querySelectorAll("#events tbody tr").length > 0`)

	boss.open(p.Admin + "/console/sessions")
	boss.press(`button[name="one"]`)
	boss.until("it asks", `document.querySelector(".danger")`)
	boss.press(".danger")
	boss.sees("1 session was ended")
	user.open(p.Public + "/ui/")
	user.until("the person is signed out", `location.pathname === "/ui/login"`)

	boss.open(p.Admin + "/console/keys")
	boss.press(`button[name="key"]`)
	boss.until("it asks", `document.querySelector(".danger")`)
	boss.press(".danger")
	boss.until("nobody has a key any more", `document.body && document.body.innerText.includes("There is no key of the admin API yet")`)
}

// Every page of the console.
func TestEveryPageOfTheConsole(t *testing.T) {
	t.Parallel()
	p := alone(t, testkit.File(t), "lifespan: 24h, hooks: [{url: 'http://127.0.0.1:1/', secret: a-secret-for-tests-only-of-some-length, give_up_after: 1s, allow_private_addresses: true}]", "")
	b := chromium(t)
	a := newAlbum(b)
	b.open(p.Admin + "/console/")
	a.take("console-open")
	key := b.makeFirstKey(p)
	a.take("console-key-made")
	user := chromium(t)
	for i := range 4 {
		user.forget()
		user.register(p.Public, fmt.Sprintf("person%d@example.org", i))
		if i%2 == 0 {
			user.open(p.Public + "/ui/")
			user.press("form[data-after] button")
			user.until("it is done", `document.querySelector("main[data-signed-out]")`)
		}
	}
	out := chromium(t)
	out.open(p.Admin + "/console/")
	newAlbum(out).take("console-sign-in")
	out.typeIn("#key", key[1:]+key[:1])
	out.press("main button")
	out.sees("does not count")
	newAlbum(out).take("console-sign-in-wrong")
	for _, page := range []string{"", "sessions", "identities", "events", "hooks?state=", "redirects", "keys"} {
		b.open(p.Admin + "/console/" + page)
		name := regexp.MustCompile(`\W.*`).ReplaceAllString(page, "")
		a.take("console-" + strings.Trim("page-"+name, "-"))
	}
	b.open(p.Admin + "/console/sessions?state=live")
	b.press(`button[name="all"]`)
	b.until("it asks", `document.querySelector(".danger")`)
	a.take("console-confirm")
	b.press(".danger")
	b.sees("sessions were ended")
	a.take("console-ended")
	b.open(p.Admin + "/console/identities?q=person1")
	b.press("tbody a")
	b.until("the person is there", `document.querySelector("pre")`)
	a.take("console-identity")
}

// A person whom an administrator lets in needs no key: the browser sends their session to both ports.
func TestThePersonWhoIsLetInEntersTheConsoleUntilTheySignOut(t *testing.T) {
	t.Parallel()
	p := alone(t, testkit.File(t), "lifespan: 24h", "")
	key := chromium(t).makeFirstKey(p)
	ada := chromium(t)
	ada.register(p.Public, "ada@example.org")
	ada.open(p.Admin + "/console/")
	ada.press(`button[name="session"]`)
	ada.sees("No session of this browser opens the console")
	letIn(t, p, key, ada.cookie(p.Public, "ory_kratos_session"))
	ada.press(`button[name="session"]`)
	ada.sees("Signed in as ada@example.org")

	out := ada.another()
	out.open(p.Public + "/ui/")
	out.press("form[data-after] button")
	out.until("ada is signed out", `document.querySelector("main[data-signed-out]")`)
	ada.open(p.Admin + "/console/sessions")
	ada.until("and out of the console", `location.pathname === "/console/sign-in"`)
}

// letIn marks the person who has a session.
func letIn(t *testing.T, p *testkit.Process, key, cookie string) {
	t.Helper()
	ask := func(method, address, body string, header ...string) *http.Response {
		req, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(header[0], header[1])
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", method, address, answer.Status)
		}
		return answer
	}
	id := ask(http.MethodGet, p.Public+"/sessions/whoami", "", "Cookie", "ory_kratos_session="+cookie).Header.Get("X-Kratos-Authenticated-Identity-Id")
	ask(http.MethodPatch, p.Admin+"/admin/identities/"+id, `[{"op": "add", "path": "/metadata_admin", "value": {"exeunt_console": ["all"]}}]`, "Authorization", "Bearer "+key)
}
