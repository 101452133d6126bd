package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/tries"
)

const (
	failedTries query = `SELECT failures, last_at FROM tries WHERE subject = $1`

	// One failure is forgotten for each span since the last; the count stays small, so that it can be forgotten at all. The
	// row is over when all of them are.
	addFailedTry query = `
INSERT INTO tries (subject, failures, last_at, expires_at) VALUES ($1, 1, $2, $3)
    ON CONFLICT (subject) DO UPDATE SET
       failures = LEAST(GREATEST(tries.failures - GREATEST(excluded.last_at - tries.last_at, 0) / $4, 0) + 1, $5),
       last_at = GREATEST(tries.last_at, excluded.last_at),
       expires_at = GREATEST(tries.last_at, excluded.last_at)
                  + LEAST(GREATEST(tries.failures - GREATEST(excluded.last_at - tries.last_at, 0) / $4, 0) + 1, $5) * $4
RETURNING failures, last_at`

	// Sessions that have shown all factors: whoever has guessed a password alone is not known by it.
	knownDevices query = `
SELECT s.devices FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.identity_id = $1 AND s.aal >= i.available_aal ORDER BY s.created_at DESC, s.id LIMIT 50`
)

var _ tries.Store = (*Store)(nil)

// FailedTries implements tries.Store.
func (s *Store) FailedTries(ctx context.Context, subject string) (n int, last time.Time, err error) {
	var at int64
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&n, &at) }, failedTries, subject)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	return n, moment(at), err
}

// AddFailedTry implements tries.Store.
func (s *Store) AddFailedTry(ctx context.Context, subject string, now time.Time, forget time.Duration) (n int, last time.Time, err error) {
	var at int64
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&n, &at) }, addFailedTry, subject, micros(now), micros(now.Add(forget)), forget.Microseconds(), tries.Most)
	})
	return n, moment(at), err
}

// KnownAddresses implements tries.Store.
func (s *Store) KnownAddresses(ctx context.Context, id identity.ID) (all []string, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			var text string
			if err := r.Scan(&text); err != nil {
				return err
			}
			var devices []deviceDoc
			err := parse(text, &devices)
			for _, d := range devices {
				all = append(all, d.IP)
			}
			return err
		}, knownDevices, id.String())
	})
	return all, err
}
