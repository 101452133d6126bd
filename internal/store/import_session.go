package store

import (
	"context"
	"slices"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/kratos"
	"exeunt/internal/session"
)

// takeSessions inserts as insertSession does, many at once.
var takeSessions = newChange(`
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal,
                      methods, devices, end_reason, ended_by, deleted, deadline_at, last_seen_at, remembered, due_at, identity_version)
SELECT CAST(value ->> 0 AS TEXT), i.id, CAST(value ->> 2 AS TEXT), CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
       CAST(value ->> 6 AS BIGINT), 0, CAST(value ->> 7 AS SMALLINT), CAST(value ->> 8 AS TEXT), CAST(value ->> 9 AS TEXT), '', '', FALSE,
       CAST(value ->> 10 AS BIGINT), CAST(value ->> 11 AS BIGINT), CAST(value ->> 12 AS BOOLEAN), CAST(value ->> 6 AS BIGINT), i.updated_at
  FROM JSON_ROWS($1) JOIN identities i ON i.id = CAST(value ->> 1 AS TEXT)
 WHERE i.state = 'active' FOR_SHARE
    ON CONFLICT DO NOTHING
RETURNING id, identity_id, token_hash, 'session_started' AS kind, last_seen_at AS at, '' AS reason, 'import' AS actor`)

// retakeSession brings an imported session in line with what it has become over there, where it was extended or stepped up.
// A session that has ended here is not alive, and one whose token was replaced here lives by what happens here, unless that was only to
// adopt its cookie. The moment of the extension is always a later one, which shows everybody who knows the row that it has changed.
var retakeSession = newChange(`
UPDATE sessions SET expires_at = GREATEST(expires_at, $2), deadline_at = GREATEST(deadline_at, $3), authenticated_at = $4, aal = $5, methods = $6, devices = $7,
       extended_at = GREATEST(extended_at + 1, $8)
 WHERE id = $1 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $8 AND authenticated_at <= $4
   AND (rotation = 0 OR rotation = 1 AND previous_until = $9)
RETURNING id, identity_id, token_hash, 'session_refreshed' AS kind, CAST($8 AS BIGINT) AS at, 'import' AS reason, 'import' AS actor`)

var endTaken = newChange(`
UPDATE sessions SET ended_at = $2, end_reason = CASE WHEN expires_at > $2 THEN 'revoked' ELSE 'expired' END, ended_by = 'import'
 WHERE id IN ANY_OF($1) AND ended_at IS NULL
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

const (
	presentSessions  query = `SELECT id, '' FROM sessions WHERE id IN ANY_OF($1)`
	identityStates   query = `SELECT id, state FROM identities WHERE id IN ANY_OF($1)`
	importedSessions query = `SELECT id, version FROM imports WHERE kind = 'session' AND source = $1 AND id > $2 ORDER BY id LIMIT $3`
	forgetImports    query = `DELETE FROM imports WHERE kind = 'session' AND id IN ANY_OF($1)`
)

// TakeSessions implements kratos.Target.
func (s *Store) TakeSessions(ctx context.Context, all []kratos.Session, now time.Time) (fates []kratos.Fate, err error) {
	err = s.write(ctx, manner{long: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		fates, err = t.takeSessions(ctx, all, now)
		return err
	})
	return fates, err
}

func (t *tx) takeSessions(ctx context.Context, all []kratos.Session, now time.Time) ([]kratos.Fate, error) {
	fates, err := t.fates(ctx, all)
	if err != nil {
		return nil, err
	}
	var fresh, saved rows
	for n, x := range all {
		switch fates[n] {
		case kratos.Added:
			fresh = append(fresh, []any{x.ID.String(), x.IdentityID.String(), hashText(x.Token), micros(x.CreatedAt), micros(x.IssuedAt),
				micros(x.AuthenticatedAt), micros(x.ExpiresAt), int(x.AAL), methodsDoc(x.Methods), devicesDoc(x.Devices),
				micros(x.DeadlineAt), micros(x.LastSeenAt), x.Remembered})
		case kratos.Updated:
			changed, err := t.change(ctx, retakeSession, x.ID.String(), micros(x.ExpiresAt), micros(x.DeadlineAt), micros(x.AuthenticatedAt),
				int(x.AAL), methodsDoc(x.Methods), devicesDoc(x.Devices), micros(now), micros(session.Lasting))
			if err != nil {
				return nil, err
			}
			if len(changed) == 0 {
				fates[n] = kratos.Over
			}
			saved = append(saved, []any{importedSession, x.ID.String(), x.Source, x.Fingerprint, micros(x.Until)})
		}
	}
	added := map[string]bool{}
	if len(fresh) > 0 {
		changed, err := t.change(ctx, takeSessions, document(fresh))
		if err != nil {
			return nil, err
		}
		for _, row := range changed {
			added[row.id] = true
		}
	}
	for n, x := range all {
		switch id := x.ID.String(); {
		case fates[n] != kratos.Added:
		case added[id]:
			saved = append(saved, []any{importedSession, id, x.Source, x.Fingerprint, micros(x.Until)})
		default:
			fates[n] = kratos.Taken
		}
	}
	return fates, t.insertAll(ctx, saveImports, saved)
}

// fates says what is to become of sessions. What is not known to have been imported, and is not there, is new; what was
// imported and is gone has ended here so long ago that its row was removed.
func (t *tx) fates(ctx context.Context, all []kratos.Session) ([]kratos.Fate, error) {
	ids, owners := make([]session.ID, len(all)), make([]identity.ID, len(all))
	for n, x := range all {
		ids[n], owners[n] = x.ID, x.IdentityID
	}
	before, err := t.importedOnes(ctx, importedSession, idList(ids))
	if err != nil {
		return nil, err
	}
	present, err := t.pairs(ctx, presentSessions, idList(ids))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(owners, func(a, b identity.ID) int { return slices.Compare(a[:], b[:]) })
	states, err := t.pairs(ctx, identityStates, idList(slices.Compact(owners)))
	if err != nil {
		return nil, err
	}
	fates := make([]kratos.Fate, len(all))
	for n, x := range all {
		was, known := before[x.ID.String()]
		_, exists := present[x.ID.String()]
		state, owned := states[x.IdentityID.String()]
		switch {
		case known && was.fingerprint == x.Fingerprint:
			fates[n] = kratos.Unchanged
		case known && exists:
			fates[n] = kratos.Updated
		case known:
			fates[n] = kratos.Over
		case exists:
			fates[n] = kratos.Present
		case !owned:
			fates[n] = kratos.NoIdentity
		case state != string(identity.Active):
			fates[n] = kratos.NotActive
		}
	}
	return fates, nil
}

// pairs reads rows of two texts.
func (t *tx) pairs(ctx context.Context, q query, ids string) (map[string]string, error) {
	found := map[string]string{}
	return found, t.each(ctx, func(r scanner) error {
		var id, text string
		err := r.Scan(&id, &text)
		found[id] = text
		return err
	}, q, ids)
}

// TakenSessions implements kratos.Target.
func (s *Store) TakenSessions(ctx context.Context, source string, after session.ID, limit int) (all []kratos.TakenSession, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			var id string
			var until int64
			if err := r.Scan(&id, &until); err != nil {
				return err
			}
			x := kratos.TakenSession{Until: moment(until)}
			err := parseUUID(id, &x.ID)
			all = append(all, x)
			return err
		}, importedSessions, source, after.String(), limit)
	})
	return all, err
}

// EndTaken implements kratos.Target. That they were imported is forgotten: over there they are not live any more, and never
// become so again.
func (s *Store) EndTaken(ctx context.Context, ids []session.ID, now time.Time) (n int, err error) {
	err = s.write(ctx, manner{long: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		ended, err := t.change(ctx, endTaken, idList(ids), micros(now))
		if err != nil {
			return err
		}
		n = onPurpose(ended)
		_, err = t.exec(ctx, forgetImports, idList(ids))
		return err
	})
	return n, err
}
