package store

import (
	"context"
	"time"

	"exeunt/internal/session"
)

var endRestored = newChange(`
UPDATE sessions SET ended_at = $1, end_reason = CASE WHEN expires_at > $1 THEN $2 ELSE 'expired' END, ended_by = $3
 WHERE id IN (SELECT id FROM sessions WHERE id > $4 AND ended_at IS NULL AND created_at <= $5 ORDER BY id LIMIT $6) AND ended_at IS NULL
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

const endedAtOnce = 1000 // sessions

// endRestoredAfter ends some sessions that began before a moment, in the order of their ids from one on. It returns how
// many were live, and the last id; "" when there was none.
func (t *tx) endRestoredAfter(ctx context.Context, after string, now, before time.Time) (live int, last string, err error) {
	rows, err := t.change(ctx, endRestored, micros(now), string(session.Restored), session.Admin, after, micros(before), endedAtOnce)
	for _, row := range rows {
		last = max(last, row.id)
	}
	return onPurpose(rows), last, err
}

// endAllRestored ends all sessions of a database that nobody else uses.
func (t *tx) endAllRestored(ctx context.Context, now time.Time) (ended int, err error) {
	forever := now.AddDate(1000, 0, 0) // a clock may have been wrong
	for after := ""; ; {
		live, last, err := t.endRestoredAfter(ctx, after, now, forever)
		if ended += live; err != nil || last == "" {
			return ended, err
		}
		after, t.effects = last, nil // nobody has looked at a session of this database yet
	}
}

// EndRestored ends every session of a database that was restored by other means than [Store.Restore], while servers may be
// using it: all that are there, and what begins meanwhile with a moment that is past by any clock. It returns how many were live.
func (s *Store) EndRestored(ctx context.Context, now time.Time) (ended int, err error) {
	err = s.write(ctx, manner{}, func(ctx context.Context, t *tx) error { return t.skipPositions(ctx, now) })
	before := now.AddDate(1000, 0, 0) // what is there already ends, also what a wrong clock has made
	for after, begun := "", true; err == nil; {
		live, last := 0, ""
		err = s.write(ctx, manner{long: true}, func(ctx context.Context, t *tx) (err error) {
			live, last, err = t.endRestoredAfter(ctx, after, now, before)
			return err
		})
		ended += live
		if last == "" && begun {
			return ended, err
		}
		if after, begun = last, last == ""; begun { // once more from the beginning, until there is none
			before = now.Add(clockMargin)
		}
	}
	return ended, err
}
