package main

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"exeunt/internal/kratos"
	"exeunt/internal/testkit"
)

const (
	kratosSecret  = "a-secret-of-the-kratos-for-tests-only"
	kratosSecrets = "secrets: {cookie: [a-new-secret-for-tests-only, " + kratosSecret + "]}\n"
	bcryptHash    = `$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`
)

// takeover is a Kratos database and an exeunt that takes its place.
type takeover struct {
	*testkit.KratosDB
	t           *testing.T
	target, cfg string
}

func newTakeover(t *testing.T, engine testkit.Engine) *takeover {
	t.Helper()
	x := &takeover{KratosDB: testkit.Kratos(t, engine.Name), t: t}
	x.into(engine)
	return x
}

// into has a new, empty database be the target.
func (x *takeover) into(engine testkit.Engine) {
	x.t.Helper()
	x.target = engine.DSN(x.t)
	x.cfg = filepath.Join(x.t.TempDir(), "exeunt.yml")
	if err := os.WriteFile(x.cfg, fmt.Appendf(nil, "dsn: %q\n%s", x.target, kratosSecrets), 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// command is the import, in a process of its own.
func (x *takeover) command(args ...string) *exec.Cmd {
	return exec.Command(testkit.Binary(x.t), append([]string{"import", "kratos", "--from", x.DSN, "-c", x.cfg}, args...)...)
}

// run imports, and returns what it said and how it exited.
func (x *takeover) run(args ...string) (stdout, stderr string, status int) {
	x.t.Helper()
	cmd := x.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	begun := time.Now()
	if err := cmd.Run(); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		x.t.Fatal(err)
	}
	x.t.Logf("the import took %v", time.Since(begun).Round(time.Millisecond))
	return out.String(), errs.String(), status
}

// summary imports with an expected exit status, and returns the rows that were told and the summary.
func (x *takeover) summary(status int, args ...string) (told []kratos.Problem, sum kratos.Summary) {
	x.t.Helper()
	out, errs, got := x.run(append(args, "--json")...)
	if got != status {
		x.t.Fatalf("the import exits with %d, want %d\n%s%s", got, status, out, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, line := range lines {
		if i == len(lines)-1 {
			if err := json.Unmarshal([]byte(line), &sum); err != nil {
				x.t.Fatal(err)
			}
			break
		}
		var p kratos.Problem
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			x.t.Fatal(err)
		}
		told = append(told, p)
	}
	return told, sum
}

// stored is everything that an import has written, but for the moments at which it did.
func (x *takeover) stored() string {
	x.t.Helper()
	driver, address := "pgx", x.target
	if path, ok := strings.CutPrefix(x.target, "sqlite://"); ok {
		driver, address = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		x.t.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	for _, q := range []string{
		`SELECT id, COALESCE(external_id, ''), schema_id, state, state_changed_at, traits, verifiable, recovery, COALESCE(metadata_public, ''), COALESCE(metadata_admin, ''), available_aal, created_at, updated_at FROM identities ORDER BY 1`,
		`SELECT identity_id, type, identifiers, COALESCE(config, ''), version, created_at, updated_at FROM credentials ORDER BY 1, 2`,
		`SELECT identifier, type, identity_id FROM credential_identifiers ORDER BY 1, 2`,
		`SELECT id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, deadline_at, aal, methods, devices, COALESCE(ended_at, 0), end_reason FROM sessions ORDER BY 1`,
		`SELECT kind, session_id, identity_id, reason, actor FROM events ORDER BY 1, 2, 3`,
		`SELECT kind, id, source, fingerprint, version FROM imports ORDER BY 1, 2`,
	} {
		rows, err := db.Query(q)
		if err != nil {
			x.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				x.t.Fatal(err)
			}
			for _, v := range values {
				b.WriteString(v.(*sql.NullString).String + "|")
			}
			b.WriteByte('\n')
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			x.t.Fatal(err)
		}
	}
	return b.String()
}

// killed begins an import, and kills it as soon as it says that it has reached a kind of rows.
func (x *takeover) killed(at string) {
	x.t.Helper()
	cmd := x.command()
	said, err := cmd.StderrPipe()
	if err != nil {
		x.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	var text strings.Builder
	for b := make([]byte, 512); !strings.Contains(text.String(), at); {
		n, err := said.Read(b)
		if err != nil {
			x.t.Fatalf("the import ended before it reached %s: %s", at, text.String())
		}
		text.Write(b[:n])
	}
	if err := errors.Join(cmd.Process.Kill(), cmd.Wait()); err == nil || !strings.Contains(err.Error(), "killed") {
		x.t.Fatalf("the import was not killed: %v", err)
	}
}

// sealed is the cookie in which a Kratos hands out a token.
func sealed(t testing.TB, name, secret string, held map[any]any) string {
	t.Helper()
	key := sha256.Sum256([]byte(secret))
	value, err := securecookie.New([]byte(secret), key[:]).Encode(name, held)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func kratosCookie(t testing.TB, token string) string {
	return sealed(t, "ory_kratos_session", kratosSecret, map[any]any{"session_token": token, "nonce": "YsSWazfo", "expires_at": "2026-11-21T22:09:00.754738087Z"})
}

// replaced is the cookie that an answer sets in the place of another server's.
func (a answer) replaced(t *testing.T) string {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == "ory_kratos_session" && strings.HasPrefix(c.Value, "ory_sc_") && c.HttpOnly {
			return c.Value
		}
	}
	t.Fatalf("the answer sets no session cookie: %v", a.header["Set-Cookie"])
	return ""
}

// peopleVariable names the environment variable with how many people there are to take over, to measure with more.
const peopleVariable = "EXEUNT_TAKEOVER_PEOPLE"

func manyPeople(t *testing.T) int {
	t.Helper()
	n := 2000
	if text := os.Getenv(peopleVariable); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil || n < 2000 {
			t.Fatalf("%s=%s: want a number of at least 2000", peopleVariable, text)
		}
	}
	return n
}

// What is signed in at a Kratos is signed in here, whatever became of the import on its way.
func TestTakingOverFromKratos(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x, many := newTakeover(t, engine), manyPeople(t)
			var people []testkit.KratosPerson
			for len(people) < many {
				people = append(people, x.Fill(len(people), min(len(people)+2000, many), bcryptHash, time.Now())...)
			}
			before := x.Dump()
			x.killed("identities")
			x.killed("sessions")
			if _, sum := x.summary(0); sum.Identities.Read != many || sum.Sessions.Added+sum.Sessions.Unchanged != many || sum.Identities.Unchanged == 0 {
				t.Errorf("after it was killed: %+v", sum)
			}
			twice := x.stored()
			if _, sum := x.summary(0); sum.Identities.Unchanged != many || sum.Sessions.Unchanged != many || x.stored() != twice {
				t.Errorf("once more: %+v", sum)
			}
			first := x.target
			x.into(engine)
			if _, sum := x.summary(0); sum.Identities.Added != many || sum.Sessions.Added != many || sum.Sessions.Ended != 0 {
				t.Errorf("at one go: %+v", sum)
			}
			if x.stored() != twice {
				t.Error("an import that was killed and begun again has another result than one at one go")
			}
			if x.Dump() != before {
				t.Error("the import has changed the Kratos database")
			}
			in := start(t, first, kratosSecrets)
			for range many / 20 {
				p := people[rand.IntN(len(people))]
				in.whoami(p.Token).expect(t, 200).is(t, "id", p.Session).is(t, "identity.id", p.Identity)
				a := in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(kratosCookie(t, p.Token)))
				a.expect(t, 200).is(t, "id", p.Session)
				in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(a.replaced(t))).expect(t, 200).is(t, "id", p.Session)
				in.whoami(p.Token).expect(t, 200)
			}
		})
	}
}
