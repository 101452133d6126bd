package rig

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

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
	if err := r.addAll(1, dsn, lively); err != nil {
		t.Fatal(err)
	}
	token, session := r.signUp(t)
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
	for _, page := range []string{"/ui/logout", "/ui/signed-out"} {
		if status := ask(t, "GET", node.Public+page, "", "X-Session-Token", token); status != http.StatusServiceUnavailable {
			t.Errorf("%s was answered %d", page, status)
		}
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
	if status := ask(t, "GET", node.Public+"/ui/logout", "", "X-Session-Token", token); status != http.StatusOK {
		t.Errorf("whoever had signed out was answered %d", status)
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
func (r *Rig) signUp(t *testing.T) (token, session string) {
	t.Helper()
	node := r.nodes[0]
	flow := fetch(t, "GET", node.Public+"/self-service/registration/api", "")
	action := node.Public + between(flow, `"action":"`+node.Public, `"`)
	answer := fetch(t, "POST", action, `{"method":"password","password":"heron on the roof","traits":{"email":"`+testkit.Email()+`"}}`)
	return between(answer, `"session_token":"`, `"`), between(answer, `"session":{"id":"`, `"`)
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}
