package store

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/session"
)

// change is a statement that starts, extends or ends sessions, and writes an event for every row that it changes. Its
// RETURNING list is: id, identity_id, token_hash, kind, at, reason, actor.
type change struct {
	plain query // the statement alone
	noted query // the statement with its events, in one round trip, for engines that can do so
}

func newChange(plain query) change {
	return change{plain: plain, noted: `WITH changed AS (` + plain + `), noted AS (
INSERT INTO events (id, at, kind, session_id, identity_id, reason, actor)
SELECT CAST(gen_random_uuid() AS TEXT), at, kind, id, identity_id, reason, actor FROM changed)
SELECT id, identity_id, token_hash, kind, at, reason, actor FROM changed`}
}

const insertEvent query = `
INSERT INTO events (id, at, kind, session_id, identity_id, reason, actor) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// insertEvents insert many events at once, the largest numbers first. Only SQLite needs them.
var insertEvents = []struct {
	rows int
	text query
}{{128, eventRows(128)}, {32, eventRows(32)}, {8, eventRows(8)}, {1, insertEvent}}

// eventRows is insertEvent for more rows.
func eventRows(n int) query {
	text, values, _ := strings.Cut(string(insertEvent), " VALUES ")
	return query(text + " VALUES " + strings.Repeat(anonymous.ReplaceAllString(values, "?")+", ", n-1) + anonymous.ReplaceAllString(values, "?"))
}

var anonymous = regexp.MustCompile(`\$\d`)

// changed is a row that a change returned.
type changed struct {
	id, identityID, token, kind, reason, actor string
	at                                         int64
}

func (c *changed) scan(r scanner) error {
	return r.Scan(&c.id, &c.identityID, &c.token, &c.kind, &c.at, &c.reason, &c.actor)
}

// change runs c, sees to its events and registers its effects. It returns the rows that changed.
func (t *tx) change(ctx context.Context, c change, args ...any) ([]changed, error) {
	var rows []changed
	q := c.plain
	if t.dialect.noted {
		q = c.noted
	}
	err := t.each(ctx, func(r scanner) error {
		var row changed
		err := row.scan(r)
		rows = append(rows, row)
		return err
	}, q, args...)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		token, err := parseHash(row.token)
		if err != nil {
			return nil, err
		}
		t.effects = append(t.effects, effect{kind: row.kind, token: token, reason: session.Reason(row.reason)})
	}
	t.noted = t.noted || len(rows) > 0
	if !t.dialect.noted {
		err = t.note(ctx, rows)
	}
	return rows, err
}

// note writes the events of changed rows, many with one statement.
func (t *tx) note(ctx context.Context, rows []changed) error {
	var args []any
	for _, insert := range insertEvents {
		for ; len(rows) >= insert.rows; rows = rows[insert.rows:] {
			args = args[:0]
			for _, r := range rows[:insert.rows] {
				args = append(args, eventID(), r.at, r.kind, r.id, r.identityID, r.reason, r.actor)
			}
			t.noted = true
			if _, err := t.exec(ctx, insert.text, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// eventRow is a row of the record of what happened.
type eventRow struct {
	at                                     int64
	kind, session, identity, reason, actor string
}

func (t *tx) event(ctx context.Context, e eventRow) error {
	t.noted = true
	_, err := t.exec(ctx, insertEvent, eventID(), e.at, e.kind, e.session, e.identity, e.reason, e.actor)
	return err
}

// eventID makes an id that is ordered by time (RFC 9562, version 7). Where one file holds everything, neighbours in time
// are then neighbours in the index, and a commit writes fewer pages; PostgreSQL makes random ones in its statement.
func eventID() string { return uuid.Must(uuid.NewV7()).String() }

// count tells the meter what was committed.
func count(m Meter, effects []effect) {
	ended := map[session.Reason]int{}
	for _, e := range effects {
		switch e.kind {
		case sessionStarted:
			m.SessionStarted()
		case sessionExtended:
			m.SessionExtended()
		case sessionEnded:
			ended[e.reason]++
		}
	}
	for reason, n := range ended {
		m.SessionsEnded(reason, n)
	}
}

// noMeter counts nothing.
type noMeter struct{}

func (noMeter) SessionStarted()                   {}
func (noMeter) SessionsEnded(session.Reason, int) {}
func (noMeter) SessionExtended()                  {}
func (noMeter) StoreTook(string, time.Duration)   {}
func (noMeter) Collected(string, int64)           {}
