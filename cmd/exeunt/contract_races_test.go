package main

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// TestRequestsThatMeetAChange holds the row of an identity, lets a request come as far as it gets, changes something in
// between, and lets the request go on.
func TestRequestsThatMeetAChange(t *testing.T) {
	t.Parallel()
	if !testkit.HasPostgres() {
		return
	}
	in := start(t, testkit.Postgres(t), factors)
	db := in.database()
	defer db.Close()
	holding := func(t *testing.T, hold func(tx *sql.Tx) error, request func() answer, change func(tx *sql.Tx) error) answer {
		t.Helper()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }() // after the commit it does nothing
		if err := hold(tx); err != nil {
			t.Fatal(err)
		}
		answered := make(chan answer, 1)
		go func() { answered <- request() }()
		until(t, func() bool {
			var waiting int
			if err := db.QueryRow(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting); err != nil {
				t.Fatal(err)
			}
			return waiting > 0
		})
		if err := change(tx); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		return <-answered
	}
	meanwhile := func(t *testing.T, p person, request func() answer, change func(tx *sql.Tx) error) answer {
		t.Helper()
		return holding(t, func(tx *sql.Tx) error {
			_, err := tx.Exec(`SELECT id FROM identities WHERE id = $1 FOR UPDATE`, p.id)
			return err
		}, request, change)
	}
	touched := func(p person) func(tx *sql.Tx) error { // as whoever changes an identity does
		return func(tx *sql.Tx) error {
			_, err := tx.Exec(`WITH changed AS (UPDATE identities SET updated_at = updated_at + 1 WHERE id = $1 RETURNING id, updated_at)
				UPDATE sessions SET identity_version = changed.updated_at FROM changed WHERE identity_id = changed.id AND ended_at IS NULL`, p.id)
			return err
		}
	}
	t.Run("a sign-in with a password that is changed meanwhile starts no session", func(t *testing.T) {
		in := in.on(t)
		p, other := in.person(), in.person()
		f := in.begin("settings", "", as(other.token)...)
		in.settle(f, &other.token, object{"method": "password", "password": "another one entirely"}).expect(t, 200)
		login := in.begin("login", "")
		a := meanwhile(t, p, func() answer { return in.signIn(login, p.email, passphrase) }, func(tx *sql.Tx) error {
			if err := touched(p)(tx); err != nil {
				return err
			}
			_, err := tx.Exec(`UPDATE credentials SET config = (SELECT config FROM credentials WHERE identity_id = $2 AND type = 'password')
				WHERE identity_id = $1 AND type = 'password'`, p.id, other.id)
			return err
		})
		if a.expect(t, 400).messages(t) != "4000006" {
			t.Error(a.body)
		}
		in.signIn(in.begin("login", ""), p.email, "another one entirely").expect(t, 200)
	})
	t.Run("a sign-in that meets any other change goes on", func(t *testing.T) {
		in := in.on(t)
		p, login := in.person(), in.begin("login", "")
		meanwhile(t, p, func() answer { return in.signIn(login, p.email, passphrase) }, touched(p)).expect(t, 200)
	})
	t.Run("an app is set up although the identity changes meanwhile", func(t *testing.T) {
		in := in.on(t)
		p := in.person()
		f := in.begin("settings", "", as(p.token)...).expect(t, 200)
		app := &codes{secret: f.secret(t)}
		code := app.next(t)
		meanwhile(t, p, func() answer { return in.settle(f, &p.token, object{"method": "totp", "totp_code": code}) }, touched(p)).expect(t, 200)
		in.whoami(p.token).expect(t, 200).is(t, "authenticator_assurance_level", "aal2")
	})
	t.Run("whoever signs out of a session that has run out, and is extended meanwhile, is signed out", func(t *testing.T) {
		in := in.on(t)
		b, p := in.visitor()
		address, _ := b.leaving("")
		until := func(run func(string, ...any) (sql.Result, error), at time.Time) error {
			_, err := run(`UPDATE sessions SET expires_at = $2 WHERE id = $1`, p.session, at.UnixMicro())
			return err
		}
		if err := until(db.Exec, time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		extend := func(tx *sql.Tx) error { return until(tx.Exec, time.Now().Add(time.Hour)) }
		a := holding(t, extend, func() answer { return b.page(address) }, func(*sql.Tx) error { return nil })
		if to := a.sets(t, removed, guard).to(t, 303); strings.Contains(to, "error") {
			t.Errorf("led to %s", to)
		}
		in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
		var reason string
		if err := db.QueryRow(`SELECT end_reason FROM sessions WHERE id = $1`, p.session).Scan(&reason); err != nil || reason != "logout" {
			t.Errorf("it has ended for %q: %v", reason, err)
		}
	})
	t.Run("whoever signs out when their time runs out is not told that the session is somebody else's", func(t *testing.T) {
		for accept, want := range map[string]int{asJSON: 401, asPage: 303} {
			in := in.on(t)
			b, p := in.visitor()
			address, _ := b.leaving("")
			expire := func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE sessions SET expires_at = 1 WHERE id = $1`, p.session)
				return err
			}
			a := holding(t, expire, func() answer { return b.ask(address, "Accept", accept) }, func(*sql.Tx) error { return nil })
			a.expect(t, want).sets(t, removed, guard)
			if to := a.header.Get("Location"); strings.Contains(to, "error") {
				t.Errorf("led to %s", to)
			}
		}
	})
	t.Run("a second factor that is shown while the identity changes counts", func(t *testing.T) {
		in := in.on(t)
		p := in.person()
		app, list := in.enrol(&p), in.lookups(&p)
		for _, body := range []object{{"method": "totp", "totp_code": app.next(t)}, {"method": "lookup_secret", "lookup_secret": list[0]}} {
			token, _ := in.login(p.email)
			f := in.begin("login", "?aal=aal2", as(token)...).expect(t, 200)
			meanwhile(t, p, func() answer { return in.call("POST", in.act(f), body, as(token)...) }, touched(p)).expect(t, 200)
		}
	})
	t.Run("a change that cannot be told to have been made is not made", func(t *testing.T) {
		in := in.on(t)
		p := in.person()
		f := in.begin("settings", "", as(p.token)...)
		for _, command := range []string{
			`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the disk is full''; END'`,
			`CREATE TRIGGER refused BEFORE UPDATE ON flows FOR EACH ROW EXECUTE FUNCTION refuse()`,
		} {
			if _, err := db.Exec(command); err != nil {
				t.Fatal(err)
			}
		}
		in.settle(f, &p.token, object{"method": "password", "password": "another one entirely"}).expect(t, 500)
		if _, err := db.Exec(`DROP TRIGGER refused ON flows`); err != nil {
			t.Fatal(err)
		}
		in.whoami(p.token).expect(t, 200)
		in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200)
	})
	t.Run("a browser that has got another token meanwhile does not get the one before again", func(t *testing.T) {
		in := in.on(t)
		b, p := in.visitor()
		f := b.settings("")
		body := object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada"}}, "csrf_token": f.csrf(t)}
		b.send(f.text(t, "ui.action"), body).expect(t, 200).sets(t, issued)
		replaced := func(tx *sql.Tx) error { // as authenticating again in another tab does
			_, err := tx.Exec(`UPDATE sessions SET rotation = rotation + 1, previous_token_hash = token_hash, previous_until = expires_at, token_hash = repeat('A', 43) WHERE id = $1`, p.session)
			return err
		}
		extended := func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE sessions SET deadline_at = deadline_at + 86400000000, expires_at = expires_at + 86400000000 WHERE id = $1`, p.session)
			return err
		}
		later := strings.Replace(issued, "(8639[0-9]|86400)", "(17279[0-9]|172800)", 1)
		meanwhile(t, p, func() answer { return b.send(f.text(t, "ui.action"), body) }, extended).expect(t, 200).sets(t, later)
		meanwhile(t, p, func() answer { return b.send(f.text(t, "ui.action"), body) }, replaced).expect(t, 200).sets(t)
	})
	t.Run("a session that ends meanwhile changes nothing", func(t *testing.T) {
		in := in.on(t)
		for _, body := range []object{
			{"method": "password", "password": "another one entirely"},
			{"method": "profile", "traits": object{"email": testkit.Email()}},
			{"method": "profile", "traits.name.first": "Ada"},
		} {
			p := in.person()
			if body["traits.name.first"] != nil {
				body["traits.email"] = p.email
			}
			f := in.begin("settings", "", as(p.token)...)
			a := meanwhile(t, p, func() answer { return in.settle(f, &p.token, body) }, func(*sql.Tx) error {
				in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
				return nil
			})
			a.refused(t, 401, "session_inactive")
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 200).is(t, "session.identity.traits.name", nil)
		}
	})
}
