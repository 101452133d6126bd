package rig

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// TestNothingIsCalledEndedThatAStandbyMayNotKnow signs out while the standby that a commit waits for is away. The primary
// shows the session as ended as soon as nobody waits any more; who asks again must not be told so, as the standby may take
// over.
func TestNothingIsCalledEndedThatAStandbyMayNotKnow(t *testing.T) {
	t.Parallel()
	if !testkit.HasPostgres() {
		return // it has been said aloud
	}
	r := newTestRig(t)
	ctx := context.Background()
	dsn, err := r.database(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.addAll(1, dsn, long); err != nil {
		t.Fatal(err)
	}
	email, token, session := r.signUp(t)
	browser, leave := r.browser(t, email)
	if err := r.pg.exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	if err := r.pg.until(ctx, "SELECT current_setting('synchronous_standby_names') = '*'"); err != nil {
		t.Fatal(err)
	}
	node := r.nodes[0]
	out := `{"session_token":"` + token + `"}`
	for range 2 {
		if status := ask(t, "DELETE", node.Public+"/self-service/logout/api", out); status != http.StatusServiceUnavailable {
			t.Errorf("signing out was answered %d", status)
		}
		if status := ask(t, "DELETE", node.Admin+"/admin/sessions/"+session, ""); status != http.StatusServiceUnavailable {
			t.Errorf("ending the session was answered %d", status)
		}
	}
	if status := browser.ask("GET", leave, "", "Accept", "text/html"); status != http.StatusServiceUnavailable {
		t.Errorf("signing a browser out was answered %d", status)
	}
	status := 0
	for begun := time.Now(); status != http.StatusServiceUnavailable && time.Since(begun) < overdue; { // the end is seen a moment after that
		status = browser.ask("GET", node.Public+"/ui/logout", "", "Accept", "text/html")
	}
	if again := browser.ask("GET", leave, "", "Accept", "text/html"); status != http.StatusServiceUnavailable || again != status {
		t.Errorf("the page was answered %d, and signing out again %d", status, again)
	}
	for _, page := range []string{"/ui/signed-out", "/ui/logout"} {
		if status := browser.ask("GET", node.Public+page, "", "Accept", "text/html"); status != http.StatusServiceUnavailable {
			t.Errorf("%s was answered %d", page, status)
		}
	}
	if status := newAgent(t, nil).ask("GET", node.Public+"/ui/logout", "", "X-Session-Token", token); status != http.StatusServiceUnavailable {
		t.Errorf("a client with a token was answered %d", status)
	}
	if err := r.pg.exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	if err := r.pg.until(ctx, "SELECT current_setting('synchronous_standby_names') = ''"); err != nil {
		t.Fatal(err)
	}
	if status := ask(t, "DELETE", node.Public+"/self-service/logout/api", out); status != http.StatusNoContent {
		t.Errorf("signing out was answered %d when everything was well", status)
	}
	if status := browser.ask("GET", node.Public+"/ui/logout", "", "Accept", "text/html"); status != http.StatusOK {
		t.Errorf("a browser was answered %d when everything was well", status)
	}
	if at, _ := url.Parse(node.Public); strings.Contains(fmt.Sprint(browser.Jar.Cookies(at)), "ory_kratos_session") {
		t.Error("the cookie is still there")
	}
}

// newTestRig is a rig for a test of its own, which ends with it.
func newTestRig(t *testing.T) *Rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "exeunt-proof-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // a database runs as somebody else
		t.Fatal(err)
	}
	r := &Rig{Options: Options{Binary: testkit.Binary(t), Dir: dir}}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return r
}

// signUp registers somebody, who is signed in then.
func (r *Rig) signUp(t *testing.T) (email, token, session string) {
	t.Helper()
	node, email := r.nodes[0], testkit.Email()
	flow := fetch(t, "GET", node.Public+"/self-service/registration/api", "")
	action := node.Public + between(flow, `"action":"`+node.Public, `"`)
	answer := fetch(t, "POST", action, `{"method":"password","password":"heron on the roof","traits":{"email":"`+email+`"}}`)
	return email, between(answer, `"session_token":"`, `"`), between(answer, `"session":{"id":"`, `"`)
}

// browser signs somebody in, who has signed up, with a cookie; leave is the address that signs them out.
func (r *Rig) browser(t *testing.T, email string) (b *agent, leave string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	node, b := r.nodes[0], newAgent(t, jar)
	flow := b.fetch("GET", node.Public+"/self-service/login/browser", "", "Accept", "application/json")
	action := node.Public + between(flow, `"action":"`+node.Public, `"`)
	b.fetch("POST", action, `{"method":"password","identifier":"`+email+`","password":"heron on the roof","csrf_token":"`+between(flow, `"name":"csrf_token","type":"hidden","value":"`, `"`)+`"}`,
		"Accept", "application/json")
	return b, strings.ReplaceAll(between(b.fetch("GET", node.Public+"/self-service/logout/browser", "", "Accept", "application/json"), `"logout_url":"`, `"`), `\u0026`, "&")
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}
