package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"

	"exeunt/internal/session"
)

var endByToken = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = identity_id
 WHERE token_hash = $1 AND ended_at IS NULL AND expires_at > $2
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

const endedByToken query = `SELECT ended_at FROM sessions WHERE token_hash = $1`

// EndByToken implements session.Store. Ending is idempotent, so it may be repeated when a lost connection has left the
// outcome unknown: the second time finds the row ended.
func (s *Store) EndByToken(ctx context.Context, token session.TokenHash, end session.End) (revoked bool, err error) {
	err = s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, endByToken, hashText(token), micros(end.At), string(end.Reason))
		revoked = len(rows) > 0
		return err
	})
	if err != nil || revoked {
		return revoked, err
	}
	var at sql.NullInt64
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&at) }, endedByToken, hashText(token))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return at.Valid, err
}

var endByIDs = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = $4
 WHERE id IN ANY_OF($1) AND ended_at IS NULL AND expires_at > $2 AND deleted = FALSE
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

var endByIdentities = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = $3, ended_by = $4
 WHERE identity_id IN ANY_OF($1) AND ended_at IS NULL AND expires_at > $2 AND deleted = FALSE
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

// Deleting wipes what is personal and keeps the token's hash, so that a later sign-out with it still succeeds. Of a
// session that had merely expired, nothing has to be remembered; it stays expired. A live session is never hidden: one
// that started since the statement before stays.
var deleteByIDs = newChange(`
UPDATE sessions SET deleted = TRUE, methods = '[]', devices = '[]'
 WHERE id IN ANY_OF($1) AND deleted = FALSE AND (ended_at IS NOT NULL OR expires_at <= $2)
RETURNING id, identity_id, token_hash, 'session_deleted' AS kind, CAST($2 AS BIGINT) AS at, CAST($3 AS TEXT) AS reason, CAST($4 AS TEXT) AS actor`)

var deleteByIdentities = newChange(`
UPDATE sessions SET deleted = TRUE, methods = '[]', devices = '[]'
 WHERE identity_id IN ANY_OF($1) AND deleted = FALSE AND (ended_at IS NOT NULL OR expires_at <= $2)
RETURNING id, identity_id, token_hash, 'session_deleted' AS kind, CAST($2 AS BIGINT) AS at, CAST($3 AS TEXT) AS reason, CAST($4 AS TEXT) AS actor`)

const anyLive query = `SELECT id FROM sessions WHERE ended_at IS NULL AND expires_at > $1 AND deleted = FALSE LIMIT $2`

const anyVisible query = `SELECT id FROM sessions WHERE deleted = FALSE LIMIT $1`

// EndSessions implements session.Store.
func (s *Store) EndSessions(ctx context.Context, scope session.Scope, end session.End) (n int, err error) {
	err = s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		n, err = t.endSessions(ctx, scope, end)
		return err
	})
	return n, err
}

func (t *tx) endSessions(ctx context.Context, scope session.Scope, end session.End) (int, error) {
	names, ending, deleting := idList(scope.IDs), endByIDs, deleteByIDs
	switch {
	case scope.All:
		ids, err := t.someSessions(ctx, scope, end)
		if err != nil {
			return 0, err
		}
		names = idList(ids)
	case len(scope.Identities) > 0:
		names, ending, deleting = idList(scope.Identities), endByIdentities, deleteByIdentities
	}
	args := []any{names, micros(end.At), string(end.Reason), end.By}
	rows, err := t.change(ctx, ending, args...)
	if err == nil && scope.Delete {
		rows, err = t.change(ctx, deleting, args...)
	}
	return len(rows), err
}

// someSessions picks sessions of the whole installation, at most as many as the scope allows.
func (t *tx) someSessions(ctx context.Context, scope session.Scope, end session.End) (ids []session.ID, err error) {
	limit := int64(math.MaxInt64)
	if scope.Limit > 0 {
		limit = int64(scope.Limit)
	}
	q, args := anyLive, []any{micros(end.At), limit}
	if scope.Delete {
		q, args = anyVisible, []any{limit}
	}
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
