package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// cli carries out a command line on a database.
func cli(t *testing.T, dsn string, args ...string) (out, warned string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "exeunt.yml")
	if err := os.WriteFile(file, []byte("dsn: '"+dsn+"'\nsecrets: {default: [a-secret-for-tests-only]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := command(&stdout, &stderr)
	cmd.SetArgs(append(args, "-c", file))
	if err := cmd.ExecuteContext(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("exeunt %v: %v", args, err)
	}
	return stdout.String(), stderr.String()
}

// backedUp is a server of which a backup was taken while it ran, and that has ended since; out was signed out after that, and
// early before.
func backedUp(t *testing.T, dsn string) (copied, live, out, early string) {
	t.Helper()
	in := start(t, dsn, "")
	in.register("ada@example.org")
	for _, token := range []*string{&live, &out, &early} {
		*token, _ = in.login("ada@example.org")
	}
	in.logout(early).expect(t, 204)
	copied = filepath.Join(t.TempDir(), "copy")
	if said, _ := cli(t, dsn, "backup", copied); !strings.Contains(said, "1 identities and 3 sessions") {
		t.Errorf("it says %s", said)
	}
	in.logout(out).expect(t, 204)
	if err := in.stop(); err != nil {
		t.Fatal(err)
	}
	return copied, live, out, early
}

func TestRestoringBringsNobodyBackWhoHasSignedOut(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			copied, live, out, early := backedUp(t, engine.DSN(t))
			dsn := engine.DSN(t)
			if said, warned := cli(t, dsn, "restore", copied); !strings.Contains(said, "Sessions ended: 2.") || warned != "" {
				t.Errorf("it says %s%s", said, warned)
			}
			in := start(t, dsn, "")
			for token, reason := range map[string]string{live: "restored", out: "restored", early: "logout"} {
				in.whoami(token).refused(t, 401, "session_inactive").is(t, "error.details.end_reason", reason)
				in.logout(token).expect(t, 204)
			}
			events := in.call("GET", in.admin+"/admin/events?kind=session_ended", nil).expect(t, 200)
			if n := strings.Count(events.body, `"reason":"restored","actor":"admin"`); n != 2 {
				t.Errorf("%d events tell of it: %s", n, events.body)
			}
			again, _ := in.login("ada@example.org")
			in.whoami(again).expect(t, 200)
		})
	}
}

func TestSessionsAreKeptAloudAndEndedInPlace(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			copied, live, out, early := backedUp(t, engine.DSN(t))
			dsn := engine.DSN(t)
			if said, warned := cli(t, dsn, "restore", "--keep-sessions", copied); !strings.Contains(said, "Sessions ended: 0.") || !strings.Contains(warned, "where a session was ended since") {
				t.Errorf("it says %s%s", said, warned)
			}
			in := start(t, dsn, "")
			for token, status := range map[string]int{live: 200, out: 200, early: 401} {
				in.whoami(token).expect(t, status)
			}
			if engine.Name == testkit.SQLite {
				if err := in.stop(); err != nil {
					t.Fatal(err)
				}
			}
			if said, _ := cli(t, dsn, "restore", "--in-place"); !strings.Contains(said, "Sessions ended: 2.") {
				t.Errorf("it says %s", said)
			}
			if engine.Name == testkit.SQLite {
				in = start(t, dsn, "")
			}
			for _, token := range []string{live, out, early} {
				in.whoami(token).expect(t, 401)
			}
		})
	}
}
