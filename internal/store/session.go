package store

import (
	"context"
	"database/sql"
	"errors"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

var insertSession = newChange(`
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal,
                      methods, devices, end_reason, ended_by, deleted, deadline_at, last_seen_at, remembered, due_at, identity_version)
SELECT CAST($1 AS TEXT), i.id, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
       CAST($6 AS BIGINT), 0, CAST($7 AS SMALLINT), CAST($8 AS TEXT), CAST($9 AS TEXT), '', '', FALSE,
       CAST($10 AS BIGINT), CAST($11 AS BIGINT), CAST($12 AS BOOLEAN), CAST($6 AS BIGINT), i.updated_at
  FROM identities i WHERE i.id = $13 AND i.state = 'active' AND CAST($14 AS BIGINT) IN (0, i.updated_at) FOR_SHARE
RETURNING id, identity_id, token_hash, 'session_started' AS kind, created_at AS at, '' AS reason, identity_id AS actor`)

// InsertSession implements session.Store. Holding the identity's row makes sure that a session cannot slip in between
// a change of its identity and that of the identity's sessions, be it their end or the version that they have of it.
func (s *Store) InsertSession(ctx context.Context, n *session.Session, token session.TokenHash, limit session.Limit) error {
	return s.write(ctx, manner{single: limit.Max == 0}, func(ctx context.Context, t *tx) error {
		if err := t.makeRoom(ctx, n, limit, n.CreatedAt); err != nil {
			return err
		}
		rows, err := t.change(ctx, insertSession, n.ID.String(), hashText(token), micros(n.CreatedAt), micros(n.IssuedAt),
			micros(n.AuthenticatedAt), micros(n.ExpiresAt), int(n.AAL), methodsDoc(n.Methods), devicesDoc(n.Devices),
			micros(n.DeadlineAt), micros(n.LastSeenAt), n.Remembered, n.IdentityID.String(), version(n.Identity))
		if err == nil && len(rows) == 0 {
			return t.whyNotStarted(ctx, n.IdentityID)
		}
		return err
	})
}

// version is what an identity is known by, or zero for one that is not loaded.
func version(i *identity.Identity) int64 {
	if i == nil {
		return 0
	}
	return micros(i.UpdatedAt)
}

const activeIdentity query = `SELECT id FROM identities WHERE id = $1 AND state = 'active'`

func (t *tx) whyNotStarted(ctx context.Context, id identity.ID) error {
	var found string
	err := t.one(ctx, func(r scanner) error { return r.Scan(&found) }, activeIdentity, id.String())
	if err == nil {
		return identity.ErrChanged
	}
	return noRows(err, session.ErrIdentityInactive)
}

// sessionColumns and identityColumns are read into a sessionRow. In between stands the token that was asked for, and
// until when it works.
const (
	sessionColumns query = `
       s.id, s.identity_id, s.token_hash, s.created_at, s.issued_at, s.authenticated_at, s.expires_at, s.extended_at,
       s.aal, s.methods, s.devices, s.ended_at, s.end_reason, s.ended_by, s.deadline_at, s.last_seen_at, s.remembered,
       s.rotation, 0`
	previousColumns query = `
       s.id, s.identity_id, s.previous_token_hash, s.created_at, s.issued_at, s.authenticated_at, s.expires_at, s.extended_at,
       s.aal, s.methods, s.devices, s.ended_at, s.end_reason, s.ended_by, s.deadline_at, s.last_seen_at, s.remembered,
       s.rotation, s.previous_until`
)

// sessionByToken finds sessions by their token hashes, sessionByPrevious by those that they had before. A session without
// its identity is not one: the join drops it.
const (
	sessionByToken query = `SELECT` + sessionColumns + `,` + identityColumns + `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.token_hash = $1`
	sessionByPrevious query = `SELECT` + previousColumns + `,` + identityColumns + `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.previous_token_hash = $1 AND s.previous_token_hash IS NOT NULL`
)

const sessionByID query = `SELECT` + sessionColumns + `,` + identityColumns + `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.id = $1 AND s.deleted = FALSE`

// SessionByToken implements session.Store.
func (s *Store) SessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return t.sessionByToken(ctx, token)
	}
	if s.tracer == nil { // every check passes here
		return s.engine.sessionByToken(ctx, token)
	}
	ctx, end := s.tracer.Operation(ctx, "store check")
	found, err := s.engine.sessionByToken(ctx, token)
	end(err)
	return found, err
}

func (t *tx) sessionByToken(ctx context.Context, token session.TokenHash) (found *session.Session, err error) {
	for _, q := range []query{sessionByToken, sessionByPrevious} {
		err = t.one(ctx, func(r scanner) (err error) {
			found, err = scanSession(r)
			return err
		}, q, hashText(token))
		if !errors.Is(err, sql.ErrNoRows) {
			return found, err
		}
	}
	return nil, session.ErrNone
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
