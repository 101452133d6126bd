package store

import (
	"context"

	"exeunt/internal/session"
)

// replaceToken changes nothing but the token: what others do to the session at the same moment, such as extending it, stays done.
// Two requests may end up with the same new token.
var replaceToken = newChange(`
UPDATE sessions SET rotation = rotation + 1, token_hash = $3,
       previous_token_hash = CASE WHEN token_hash = $3 THEN previous_token_hash ELSE token_hash END,
       previous_until = CASE WHEN token_hash = $3 THEN previous_until ELSE $4 END
 WHERE id = $1 AND rotation = $2 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $5
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')
RETURNING id, identity_id, COALESCE(previous_token_hash, token_hash) AS token_hash, CAST($6 AS TEXT) AS kind, CAST($5 AS BIGINT) AS at,
          CAST($7 AS TEXT) AS reason, identity_id AS actor`)

// ReplaceToken implements session.Store. Its effects concern both tokens.
func (s *Store) ReplaceToken(ctx context.Context, id session.ID, rotation int64, token session.TokenHash, r session.Replaced) (done bool, err error) {
	err = s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, replaceToken, id.String(), rotation, hashText(token), micros(r.PreviousUntil), micros(r.Now), session.SessionRefreshed, r.Reason)
		if done = len(rows) > 0; done {
			t.effects = append(t.effects, effect{kind: sessionSeen, token: token})
		}
		return err
	})
	return done, err
}
