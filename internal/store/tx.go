package store

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// query is SQL text. Only constants become one, so text made at run time needs a visible conversion.
//
// A query may hold a few words that each engine writes in its own way:
//
//	IN ANY_OF($n)  is one of the elements of a JSON array of strings, for IN
//	FOR_SHARE    holds the rows read until the transaction ends
//	FOR_UPDATE   the same, and keeps others from holding them
//	LEAST(a, b)  the smaller value; GREATEST(a, b) the larger one
//	JSON_ROW(…)  values as a JSON array; JSON_ROWS($n) takes an array of such arrays apart
//	COLUMNS_OF($n)  names and types of the columns of a table
type query string

// dialect writes queries for one engine.
type dialect struct {
	words *strings.Replacer
	noted bool          // a change and its event fit in one statement
	batch time.Duration // how long a part of work that can wait may take: others wait for it

	// shared is set where others may hold rows: other nodes, and other statements of this one.
	shared bool

	// flights is how many merged statements are under way at most: as many as the engine can work on at once, and no more,
	// as those that wait travel together.
	flights int

	// gather lets whoever else is about to ask for the same do so before a statement is sent. An engine that only reads has none.
	gather func()

	texts sync.Map
}

func (d *dialect) text(q query) string {
	if t, ok := d.texts.Load(q); ok {
		return t.(string)
	}
	t := d.words.Replace(string(q))
	d.texts.Store(q, t)
	return t
}

// runner is what database/sql offers on a pool, a connection and a transaction alike.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// tx runs statements: inside a transaction for writes, or each by itself for reads.
type tx struct {
	run     runner
	dialect *dialect
	effects []effect
	noted   bool  // it has written events
	failed  error // the last statement that failed and was not taken back
}

// effect is what a committed change means for the rest of the process: for the table of live sessions and the counters.
type effect struct {
	kind     string
	token    session.TokenHash
	identity identity.ID // set when the identity itself changed, so that all its sessions are stale
	reason   session.Reason
	expires  int64 // of sessionSeen: when the session expires now, unless something else has changed as well; else zero
	seen     int64 // and when it was seen
}

// The kinds of events, and so of effects, that somebody acts on.
const (
	sessionStarted  = "session_started"
	sessionEnded    = "session_ended"
	sessionExtended = "session_extended"
	sessionSeen     = "session_seen"
	identityChanged = "identity_changed"

	keysChanged       = "keys_changed"
	everythingChanged = "everything_changed" // the whole database is another one
)

func (t *tx) exec(ctx context.Context, q query, args ...any) (int64, error) {
	r, err := t.run.ExecContext(ctx, t.dialect.text(q), args...)
	if err != nil {
		t.failed = err
		return 0, err
	}
	return r.RowsAffected()
}

// each runs a query and hands every row to scan.
func (t *tx) each(ctx context.Context, scan func(scanner) error, q query, args ...any) error {
	rows, err := t.run.QueryContext(ctx, t.dialect.text(q), args...)
	if err != nil {
		t.failed = err
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		t.failed = err
		return err
	}
	return nil
}

// one runs a query for its first row; sql.ErrNoRows when there is none.
func (t *tx) one(ctx context.Context, scan func(scanner) error, q query, args ...any) error {
	found := false
	err := t.each(ctx, func(r scanner) error {
		if found {
			return nil
		}
		found = true
		return scan(r)
	}, q, args...)
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

type scanner interface{ Scan(dest ...any) error }
