package store

import (
	"context"
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
		if err := t.settle(ctx, row); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (t *tx) settle(ctx context.Context, row changed) error {
	token, err := parseHash(row.token)
	if err != nil {
		return err
	}
	t.effects = append(t.effects, effect{kind: row.kind, token: token, reason: session.Reason(row.reason)})
	if t.dialect.noted {
		return nil
	}
	_, err = t.exec(ctx, insertEvent, uuid.NewString(), row.at, row.kind, row.id, row.identityID, row.reason, row.actor)
	return err
}

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
