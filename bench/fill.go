package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/testkit"
)

const (
	letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	perPerson = 4     // sessions of one identity
	atOnce    = 20000 // rows in one statement
)

// deadline is when all sessions end.
var deadline = time.Now().Add(12 * time.Hour).Truncate(time.Microsecond)

// numbered names what belongs to the session with a number: everybody who knows the number can tell it, so that millions of
// tokens need not be remembered.
func numbered(what string, n int) [sha256.Size]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(append([]byte("bench/"+what+"/"), b[:]...))
}

// token is that of the session with a number. Every second session is a browser's.
func token(n int) string {
	sum := numbered("token", n)
	b := []byte(session.InHeader)
	if n%2 == 1 {
		b = []byte(session.InCookie)
	}
	for _, c := range sum {
		b = append(b, letters[int(c)%len(letters)])
	}
	return string(b)
}

// named is the id of the session, or of the person, with a number.
func named(what string, n int) string {
	sum := numbered(what, n)
	id, _ := uuid.FromBytes(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// fill stores the sessions with the numbers from and up to to, and their people: copies, in everything that does not name
// them, of one that the store has written itself.
func (p place) fill(from, to int) error {
	ctx := context.Background()
	if from == 0 {
		if err := p.pattern(ctx); err != nil {
			return err
		}
	}
	db, err := sql.Open(p.driver, p.data)
	if err != nil {
		return err
	}
	defer db.Close()
	for ; from < to; from += atOnce {
		people, sessions := rowsOf(from, min(from+atOnce, to))
		if err := copies(ctx, db, p.driver, copyPeople, people); err != nil {
			return err
		}
		if err := copies(ctx, db, p.driver, copySessions, sessions); err != nil {
			return err
		}
	}
	if p.driver == "pgx" {
		_, err = db.ExecContext(ctx, `VACUUM ANALYZE`)
	}
	return err
}

// patternEmail is the person whom all are copies of.
const patternEmail = "pattern@example.com"

// pattern makes the schema, one person and one session, the way the server does.
func (p place) pattern(ctx context.Context) error {
	st, err := store.Open(ctx, p.dsn, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		return err
	}
	someone := testkit.Identity(patternEmail)
	if err := st.InsertIdentity(ctx, someone); err != nil {
		return err
	}
	one, secret := testkit.Session(someone, time.Now())
	one.ExpiresAt, one.DeadlineAt = deadline, deadline
	one.Devices[0].UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	return st.InsertSession(ctx, one, secret.Hash(), session.Limit{})
}

func rowsOf(from, to int) (people, sessions [][]string) {
	for n := from; n < to; n++ {
		person := named("person", n/perPerson)
		if n%perPerson == 0 {
			people = append(people, []string{person, strings.ReplaceAll(person, "-", "") + "@example.com"})
		}
		hash := sha256.Sum256([]byte(token(n)))
		sessions = append(sessions, []string{named("session", n), person, base64.RawURLEncoding.EncodeToString(hash[:])})
	}
	return people, sessions
}

const (
	copyPeople = `
INSERT INTO identities (id, external_id, schema_id, state, state_changed_at, traits, verifiable, recovery, metadata_public,
                        metadata_admin, organization_id, available_aal, created_at, updated_at)
SELECT v.value ->> 0, NULL, schema_id, state, state_changed_at, replace(traits, 'pattern@example.com', v.value ->> 1),
       replace(verifiable, 'pattern@example.com', v.value ->> 1), replace(recovery, 'pattern@example.com', v.value ->> 1), metadata_public,
       metadata_admin, organization_id, available_aal, created_at, updated_at
  FROM ROWS v CROSS JOIN (SELECT * FROM identities WHERE traits LIKE '%"pattern@example.com"%' LIMIT 1) i`
	copySessions = `
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal,
                      methods, devices, end_reason, ended_by, deleted, deadline_at, last_seen_at, remembered, due_at, identity_version)
SELECT v.value ->> 0, v.value ->> 1, v.value ->> 2, created_at, issued_at, authenticated_at, expires_at, 0, aal,
       methods, devices, '', '', deleted, deadline_at, last_seen_at, remembered, due_at, identity_version
  FROM ROWS v CROSS JOIN (SELECT s.* FROM sessions s JOIN identities i ON i.id = s.identity_id
                           WHERE i.traits LIKE '%"pattern@example.com"%' LIMIT 1) s`
)

// copies runs one of the statements above with rows of texts.
func copies(ctx context.Context, db *sql.DB, driver, text string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	source := "json_each($1)"
	if driver == "pgx" {
		source = "jsonb_array_elements(CAST($1 AS JSONB))"
	}
	_, err = db.ExecContext(ctx, strings.ReplaceAll(text, "ROWS", source), string(b))
	return err
}
