package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Whatever is not ended yet is ended, also when its time has run out by this node's clock: another node's clock may be
// behind, and must not find a session there that somebody has ended. The reason then says that it had expired.
var endByTokens = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN $3 ELSE 'expired' END, ended_by = identity_id
 WHERE token_hash IN ANY_OF($1) AND ended_at IS NULL
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

// endFreeByTokens leaves out rows that somebody else holds at the moment: many people travel in one statement, and one
// whose row is held must not keep the others waiting.
var endFreeByTokens = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN $3 ELSE 'expired' END, ended_by = identity_id
 WHERE id = ANY(ARRAY(SELECT id FROM sessions WHERE token_hash IN ANY_OF($1) AND ended_at IS NULL FOR UPDATE SKIP LOCKED)) AND ended_at IS NULL
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

var endByPrevious = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN $3 ELSE 'expired' END, ended_by = identity_id
 WHERE previous_token_hash = $1 AND previous_token_hash IS NOT NULL AND ended_at IS NULL AND previous_until > $2
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

const (
	endedByToken    query = `SELECT end_reason FROM sessions WHERE token_hash = $1 AND ended_at IS NOT NULL`
	endedByPrevious query = `
SELECT end_reason FROM sessions WHERE previous_token_hash = $1 AND previous_token_hash IS NOT NULL AND ended_at IS NOT NULL`
)

// EndByToken implements session.Store. Ending is idempotent, so it may be repeated when a lost connection has left the
// outcome unknown: the second time finds the row ended.
func (s *Store) EndByToken(ctx context.Context, token session.TokenHash, end session.End) (revoked bool, err error) {
	row, done, err := s.endByToken(ctx, token, end)
	if err != nil || done {
		return row.reason != string(session.Expired), err
	}
	hash := hashText(token)
	reason, err := s.endReason(ctx, endedByToken, hash)
	if err != nil || reason != "" {
		return reason != string(session.Expired), err
	}
	var rows []changed
	err = s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) (err error) {
		rows, err = t.change(ctx, endByPrevious, hash, micros(end.At), string(end.Reason))
		return err
	})
	if err != nil || len(rows) > 0 {
		return onPurpose(rows) > 0, err
	}
	reason, err = s.endReason(ctx, endedByPrevious, hash)
	return reason != "" && reason != string(session.Expired), err
}

// ending names a session to end by its token.
type ending struct {
	token  session.TokenHash
	reason session.Reason
}

// endByToken ends the session that has a token now, in one statement with others that are to end at this moment. Those whose
// rows somebody else holds are left out there, and wait together.
func (s *Store) endByToken(ctx context.Context, token session.TokenHash, end session.End) (row changed, done bool, err error) {
	key := ending{token, end.Reason}
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		rows, err := t.endByTokens(ctx, endByTokens, []ending{key}, end.At)
		row, done = rows[key]
		return row, done, err
	}
	if row, done, err = s.ends.ask(ctx, key, end.At); err != nil || done || !s.engine.speaks().shared {
		return row, done, err
	}
	if live, err := s.has(ctx, liveByToken, hashText(token)); err != nil || !live {
		return row, false, err
	}
	return s.heldEnds.ask(ctx, key, end.At)
}

const liveByToken query = `SELECT id FROM sessions WHERE token_hash = $1 AND ended_at IS NULL`

// has reports whether a query finds a row.
func (s *Store) has(ctx context.Context, q query, key string) (bool, error) {
	var found string
	err := s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&found) }, q, key)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// ending is how the mergers of ends answer.
func (s *Store) ending(how change) func(keys []ending, at time.Time) (map[ending]changed, error) {
	return func(keys []ending, at time.Time) (rows map[ending]changed, err error) {
		err = s.write(context.Background(), manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
			rows, err = t.endByTokens(ctx, how, keys, at)
			return err
		})
		return rows, err
	}
}

// endByTokens ends sessions, with one statement for each reason.
func (t *tx) endByTokens(ctx context.Context, how change, keys []ending, at time.Time) (map[ending]changed, error) {
	byReason := map[session.Reason][]string{}
	for _, k := range keys {
		byReason[k.reason] = append(byReason[k.reason], hashText(k.token))
	}
	done := make(map[ending]changed, len(keys))
	for reason, hashes := range byReason {
		rows, err := t.change(ctx, how, document(hashes), micros(at), string(reason))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			token, err := parseHash(row.token)
			if err != nil {
				return nil, err
			}
			done[ending{token, reason}] = row
		}
	}
	return done, nil
}

// endReason is why a session was ended, or "" if it was not, or is not there. That it was is as certain as if it had been
// ended now.
func (s *Store) endReason(ctx context.Context, q query, key string) (reason string, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&reason) }, q, key)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err == nil && reason != "" {
		err = s.Confirm(ctx)
	}
	return reason, err
}

const endedByID query = `SELECT end_reason FROM sessions WHERE id = $1 AND ended_at IS NOT NULL`

// EndReason implements session.Store.
func (s *Store) EndReason(ctx context.Context, id session.ID) (session.Reason, error) {
	reason, err := s.endReason(ctx, endedByID, id.String())
	return session.Reason(reason), err
}

// One whose time has not run out by its row is over by rules that were made stricter, from now on.
var expireSession = newChange(`
UPDATE sessions SET ended_at = LEAST(expires_at, CAST($2 AS BIGINT)), end_reason = 'expired', ended_by = 'policy'
 WHERE id = $1 AND ended_at IS NULL AND expires_at <= $3
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

// ExpireSession implements session.Store.
func (s *Store) ExpireSession(ctx context.Context, id session.ID, until, now time.Time) (done bool, err error) {
	err = s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, expireSession, id.String(), micros(now), micros(until))
		done = len(rows) > 0
		return err
	})
	return done, err
}

// onPurpose counts the rows of sessions that were live when they were ended.
func onPurpose(rows []changed) (n int) {
	for _, row := range rows {
		if row.reason != string(session.Expired) {
			n++
		}
	}
	return n
}

var endByIDs = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN $3 ELSE 'expired' END, ended_by = $4
 WHERE id IN ANY_OF($1) AND ended_at IS NULL AND deleted = FALSE AND (CAST($5 AS TEXT) = '' OR identity_id = $5)
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

var endByIdentities = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN $3 ELSE 'expired' END, ended_by = $4
 WHERE identity_id IN ANY_OF($1) AND ended_at IS NULL AND deleted = FALSE AND id <> $5
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

// Deleting wipes what is personal and keeps the token's hash, so that a later sign-out with it still succeeds. A session
// that nobody has ended is never hidden: one that started since the statement before stays.
var deleteByIDs = newChange(`
UPDATE sessions SET deleted = TRUE, methods = '[]', devices = '[]'
 WHERE id IN ANY_OF($1) AND deleted = FALSE AND ended_at IS NOT NULL
RETURNING id, identity_id, token_hash, 'session_deleted' AS kind, CAST($2 AS BIGINT) AS at, CAST($3 AS TEXT) AS reason, CAST($4 AS TEXT) AS actor`)

var deleteByIdentities = newChange(`
UPDATE sessions SET deleted = TRUE, methods = '[]', devices = '[]'
 WHERE identity_id IN ANY_OF($1) AND deleted = FALSE AND ended_at IS NOT NULL
RETURNING id, identity_id, token_hash, 'session_deleted' AS kind, CAST($2 AS BIGINT) AS at, CAST($3 AS TEXT) AS reason, CAST($4 AS TEXT) AS actor`)

const (
	anyUnended     query = `SELECT id FROM sessions WHERE ended_at IS NULL AND deleted = FALSE LIMIT $1`
	anyVisible     query = `SELECT id FROM sessions WHERE deleted = FALSE LIMIT $1`
	holdIdentities query = `SELECT id FROM identities WHERE id IN ANY_OF($1) ORDER BY id FOR_UPDATE`
)

// EndSessions implements session.Store.
func (s *Store) EndSessions(ctx context.Context, scope session.Scope, end session.End) (done session.Ended, err error) {
	err = s.write(ctx, manner{long: true}, func(ctx context.Context, t *tx) error {
		done, err = t.endSessions(ctx, scope, end)
		return err
	})
	if err == nil && done.Count == 0 {
		err = s.Confirm(ctx) // they may have ended before
	}
	return done, err
}

func (t *tx) endSessions(ctx context.Context, scope session.Scope, end session.End) (session.Ended, error) {
	names, ending, deleting, more, only := idList(scope.IDs), endByIDs, deleteByIDs, false, owner(scope)
	switch {
	case scope.All:
		ids, err := t.someSessions(ctx, scope)
		if err != nil {
			return session.Ended{}, err
		}
		names, more = idList(ids), len(ids) == scope.Limit
	case len(scope.Identities) > 0:
		names, ending, deleting, only = idList(scope.Identities), endByIdentities, deleteByIdentities, scope.Except.String()
		if err := t.hold(ctx, names); err != nil {
			return session.Ended{}, err
		}
	}
	args := []any{names, micros(end.At), string(end.Reason), end.By}
	rows, err := t.change(ctx, ending, append(args, only)...)
	if err != nil || !scope.Delete {
		return session.Ended{Count: onPurpose(rows), More: more}, err
	}
	rows, err = t.change(ctx, deleting, args...)
	return session.Ended{Count: len(rows), More: more}, err
}

// owner is whose sessions a scope is limited to, or "".
func owner(scope session.Scope) string {
	if scope.Owner == (identity.ID{}) {
		return ""
	}
	return scope.Owner.String()
}

// hold keeps sessions of identities from starting until the transaction ends, so that all of them are seen.
func (t *tx) hold(ctx context.Context, identities string) error {
	var id string
	return t.each(ctx, func(r scanner) error { return r.Scan(&id) }, holdIdentities, identities)
}

// someSessions picks sessions of the whole installation, at most as many as the scope allows.
func (t *tx) someSessions(ctx context.Context, scope session.Scope) ([]session.ID, error) {
	limit := int64(math.MaxInt64)
	if scope.Limit > 0 {
		limit = int64(scope.Limit)
	}
	if scope.Delete {
		return t.sessionIDs(ctx, anyVisible, limit)
	}
	return t.sessionIDs(ctx, anyUnended, limit)
}

func (t *tx) sessionIDs(ctx context.Context, q query, args ...any) (ids []session.ID, err error) {
	err = t.each(ctx, func(r scanner) error {
		var text string
		var id session.ID
		if err := r.Scan(&text); err != nil {
			return err
		}
		err := parseUUID(text, &id)
		ids = append(ids, id)
		return err
	}, q, args...)
	return ids, err
}

// idList writes ids as the JSON array that ANY_OF takes.
func idList[T interface{ String() string }](ids []T) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	b, _ := json.Marshal(names) // strings cannot fail
	return string(b)
}
