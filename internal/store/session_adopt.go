package store

import (
	"context"
	"time"

	"exeunt/internal/session"
)

// adoptSession changes nothing but the token: what others do to the session at the same moment, such as extending it, stays done.
var adoptSession = newChange(`
UPDATE sessions SET rotation = rotation + 1, token_hash = $3, previous_token_hash = token_hash, previous_until = $4
 WHERE id = $1 AND rotation = $2 AND token_hash <> $3 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $5
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')
RETURNING id, identity_id, previous_token_hash AS token_hash, CAST($6 AS TEXT) AS kind, CAST($5 AS BIGINT) AS at,
          CAST($7 AS TEXT) AS reason, identity_id AS actor`)

// AdoptSession implements session.Store. Its effects concern both tokens.
func (s *Store) AdoptSession(ctx context.Context, id session.ID, rotation int64, token session.TokenHash, until, now time.Time) (done bool, err error) {
	err = s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, adoptSession, id.String(), rotation, hashText(token), micros(until), micros(now), session.SessionRefreshed, session.Adopted)
		if done = len(rows) > 0; done {
			t.effects = append(t.effects, effect{kind: sessionSeen, token: token})
		}
		return err
	})
	return done, err
}
