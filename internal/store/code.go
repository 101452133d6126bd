package store

import (
	"context"
	"math"
	"time"

	"exeunt/internal/identity"
)

const (
	useCode query = `
INSERT INTO used_codes (identity_id, code_hash, used_at, expires_at)
SELECT i.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT) FROM identities i WHERE i.id = $1
    ON CONFLICT (identity_id, code_hash) DO NOTHING`
	usedCodes query = `SELECT code_hash, used_at FROM used_codes WHERE identity_id = $1`
)

// forever is until when a code is remembered that could always be used again.
const forever = int64(math.MaxInt64)

// UseCode notes that an identity has used a one-time password, known by a hash, which could be used until a moment; zero is
// for ever. It reports whether this is the first time: of several at once, one is. An identity that is gone uses nothing.
func (s *Store) UseCode(ctx context.Context, id identity.ID, hash string, now, until time.Time) (first bool, err error) {
	expires := forever
	if !until.IsZero() {
		expires = micros(until)
	}
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, useCode, id.String(), hash, micros(now), expires)
		first = n > 0
		return err
	})
	return first, err
}

// UsedCodes returns when an identity has used which one-time passwords, by their hashes.
func (s *Store) UsedCodes(ctx context.Context, id identity.ID) (used map[string]time.Time, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		used = map[string]time.Time{}
		return t.each(ctx, func(r scanner) error {
			var hash string
			var at int64
			err := r.Scan(&hash, &at)
			used[hash] = moment(at)
			return err
		}, usedCodes, id.String())
	})
	return used, err
}
