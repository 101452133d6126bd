package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

// What an import cannot be sure of it does not begin, and it says what would help.
func TestAnImportThatCannotBegin(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			x.Fill(0, 3, bcryptHash, time.Now())
			before := x.Dump()
			refused := func(says string, args ...string) {
				t.Helper()
				out, errs, status := x.run(args...)
				if status != 1 || out != "" || !strings.Contains(errs, says) {
					t.Errorf("%q exits with %d and says %s%s\nwant %s", args, status, out, errs, says)
				}
			}
			config := x.cfg
			x.cfg = filepath.Join(t.TempDir(), "same.yml")
			if err := os.WriteFile(x.cfg, []byte("dsn: \""+x.DSN+"\"\n"+kratosSecrets), 0o600); err != nil {
				t.Fatal(err)
			}
			refused("leads to a Kratos database: exeunt needs one of its own")
			if x.Dump() != before {
				t.Error("the Kratos database was changed")
			}
			x.cfg = config
			refused("this is no Kratos database", "--from", x.other(engine))
			refused("no other engines are read", "--from", "mysql://root:hunter2@127.0.0.1/kratos")
			refused(`there is no network "other"`, "--network", "other")

			second := uuid.NewString()
			x.Insert("networks", "id, created_at, updated_at", []any{second, testkit.Stamp(testkit.Now), testkit.Stamp(testkit.Now)})
			refused("the database holds 2 networks; say with --network")
			if _, sum := x.summary(0, "--dry-run", "--network", second); sum.Identities.Read != 0 {
				t.Errorf("of another network: %+v", sum)
			}
			x.Exec(`DELETE FROM networks WHERE id = $1`, second)

			x.Exec(`INSERT INTO schema_migration (version) VALUES ('20991231000000000000')`)
			refused("add --accept-unknown-schema=20991231000000000000")
			x.summary(0, "--dry-run", "--accept-unknown-schema=20991231000000000000")
			x.Exec(`ALTER TABLE session_devices RENAME COLUMN location TO place`)
			refused("a table of this Kratos is not as it should be", "--accept-unknown-schema=20991231000000000000")
			x.Exec(`DELETE FROM schema_migration WHERE version > '20200101000000000000'`)
			refused("is too old")
			x.Exec(`DELETE FROM networks`)
			x.Exec(`INSERT INTO schema_migration (version) VALUES ('20260703000000000000')`)
			refused("has never been started")
		})
	}
}

// The file of the Kratos says what of our own would keep its people from being known, and no secret.
func TestTheFileOfAKratosIsComparedWithOurs(t *testing.T) {
	t.Parallel()
	x := newTakeover(t, testkit.Engine{Name: testkit.SQLite, DSN: testkit.File})
	x.Fill(0, 2, bcryptHash, time.Now())
	file := filepath.Join(t.TempDir(), "kratos.yml")
	text := "dsn: " + x.DSN + "\nsecrets: {cookie: [" + kratosSecret + ", another-secret-of-that-kratos]}\nsession: {cookie: {name: their_session}}\n" +
		"identity: {schemas: [{id: default, url: file:///x.json}, {id: customer, url: file:///y.json}]}\nselfservice: {methods: {oidc: {enabled: true}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes bytes.Buffer
	cmd := exec.Command(testkit.Binary(t), "import", "kratos", "--kratos-config", file, "-c", x.cfg, "--dry-run")
	cmd.Stdout, cmd.Stderr = &out, &notes
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, notes.String())
	}
	if !strings.Contains(out.String(), "identities  2 read, 2 can be taken over, 0 cannot") {
		t.Errorf("it says %s", out.String())
	}
	for _, want := range []string{"secret 2 of the Kratos file is not in exeunt's secrets.cookie", "Kratos calls its session cookie their_session", `the identity schema "customer"`} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("%q is not among the notes:\n%s", want, notes.String())
		}
	}
	if strings.Contains(notes.String(), "secret 1 of") || strings.Contains(notes.String()+out.String(), kratosSecret) || strings.Contains(notes.String(), "another-secret-of-that-kratos") {
		t.Errorf("the notes show too much:\n%s", notes.String())
	}
	if _, err := os.Stat(strings.TrimPrefix(x.target, "sqlite://")); err == nil {
		t.Error("a dry run has made a database")
	}
}

// other is a database that is none of a Kratos.
func (x *takeover) other(engine testkit.Engine) string {
	x.t.Helper()
	dsn := engine.DSN(x.t)
	if path, ok := strings.CutPrefix(dsn, "sqlite://"); ok {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			x.t.Fatal(err)
		}
	}
	return dsn
}
