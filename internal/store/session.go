package store

import (
	"context"
	"math"
	"time"

	"exeunt/internal/session"
)

var insertSession = newChange(`
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal,
                      methods, devices, end_reason, ended_by, deleted)
SELECT CAST($1 AS TEXT), i.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
       CAST($6 AS BIGINT), 0, CAST($7 AS SMALLINT), CAST($8 AS TEXT), CAST($9 AS TEXT), '', '', FALSE
  FROM identities i WHERE i.id = $10 AND i.state = 'active' FOR_SHARE
RETURNING id, identity_id, token_hash, 'session_started' AS kind, created_at AS at, '' AS reason, identity_id AS actor`)

// InsertSession implements session.Store. Holding the identity's row makes sure that a session cannot slip in between
// the deactivation of its identity and the end of that identity's sessions.
func (s *Store) InsertSession(ctx context.Context, n *session.Session, token session.TokenHash) error {
	return s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, insertSession, n.ID.String(), hashText(token), micros(n.CreatedAt), micros(n.IssuedAt),
			micros(n.AuthenticatedAt), micros(n.ExpiresAt), int(n.AAL), methodsDoc(n.Methods), devicesDoc(n.Devices),
			n.IdentityID.String())
		if err == nil && len(rows) == 0 {
			return session.ErrIdentityInactive
		}
		return err
	})
}

// sessionColumns and identityColumns are read into a sessionRow.
const sessionColumns query = `
       s.id, s.identity_id, s.token_hash, s.created_at, s.issued_at, s.authenticated_at, s.expires_at, s.extended_at,
       s.aal, s.methods, s.devices, s.ended_at, s.end_reason, s.ended_by`

// sessionByToken finds sessions by their token hashes. A session without its identity is not one: the join drops it.
const sessionByToken query = `SELECT` + sessionColumns + `,` + identityColumns + `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.token_hash = $1`

const sessionByID query = `SELECT` + sessionColumns + `,` + identityColumns + `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.id = $1 AND s.deleted = FALSE`

// SessionByToken implements session.Store.
func (s *Store) SessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return t.sessionByToken(ctx, token)
	}
	defer s.took("check", time.Now())
	return s.engine.sessionByToken(ctx, token)
}

func (t *tx) sessionByToken(ctx context.Context, token session.TokenHash) (found *session.Session, err error) {
	err = t.one(ctx, func(r scanner) (err error) {
		found, err = scanSession(r)
		return err
	}, sessionByToken, hashText(token))
	return found, noRows(err, session.ErrNone)
}

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, id session.ID) (found *session.Session, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error {
			found, err = scanSession(r)
			return err
		}, sessionByID, id.String())
	})
	return found, noRows(err, session.ErrNotFound)
}

// The conditions repeat the rule "alive" of the session package; the conformance suite compares the two.
var extendSession = newChange(`
UPDATE sessions SET expires_at = $2, extended_at = $3
 WHERE id = $1 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $3 AND expires_at < $2
   AND expires_at <= $4 AND extended_at <= $5
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')
RETURNING id, identity_id, token_hash, 'session_extended' AS kind, extended_at AS at, '' AS reason, 'admin' AS actor`)

// ExtendSession implements session.Store.
func (s *Store) ExtendSession(ctx context.Context, id session.ID, next time.Time, rule session.ExtendRule) (done bool, err error) {
	latest := int64(math.MaxInt64)
	if rule.Window != nil {
		latest = micros(rule.Now.Add(*rule.Window))
	}
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, extendSession, id.String(), micros(next), micros(rule.Now), latest, micros(rule.Debounced))
		done = len(rows) > 0
		return err
	})
	return done, err
}

var refreshSession = newChange(`
UPDATE sessions SET issued_at = $2, authenticated_at = $2, expires_at = $3, aal = $4, methods = $5, devices = $6
 WHERE id = $1 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $2
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')
RETURNING id, identity_id, token_hash, 'session_refreshed' AS kind, authenticated_at AS at, '' AS reason, identity_id AS actor`)

// RefreshSession implements session.Store.
func (s *Store) RefreshSession(ctx context.Context, n *session.Session, now time.Time) error {
	return s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, refreshSession, n.ID.String(), micros(now), micros(n.ExpiresAt), int(n.AAL),
			methodsDoc(n.Methods), devicesDoc(n.Devices))
		if err == nil && len(rows) == 0 {
			return session.ErrNone
		}
		return err
	})
}
