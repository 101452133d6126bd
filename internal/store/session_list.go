package store

import (
	"context"
	"math"

	"exeunt/internal/session"
)

// The filter is the same for lists and counts: $1 identity or ”, $2 one of ”, 'true', 'false', $3 now, $4 the one
// to leave out. Whether it names an identity is decided before, so that each engine can plan with the right index.
const (
	ofAnyone      query = ` AND CAST($1 AS TEXT) = ''`
	ofIdentity    query = ` AND s.identity_id = $1`
	sessionFilter query = `
   AND (CAST($2 AS TEXT) = ''
        OR ($2 = 'true' AND s.ended_at IS NULL AND s.expires_at > CAST($3 AS BIGINT) AND i.state = 'active')
        OR ($2 = 'false' AND (s.ended_at IS NOT NULL OR s.expires_at <= CAST($3 AS BIGINT) OR i.state <> 'active')))
   AND s.id <> $4`
)

const listedSessions query = `SELECT` + sessionColumns + `,` + identityColumns + visibleSessions

const visibleSessions query = `
  FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.deleted = FALSE`

const sessionPage query = `
   AND (s.created_at < $5 OR (s.created_at = $5 AND s.id > $6))
 ORDER BY s.created_at DESC, s.id LIMIT $7 OFFSET $8`

const (
	listSessions    = listedSessions + ofAnyone + sessionFilter + sessionPage
	listSessionsOf  = listedSessions + ofIdentity + sessionFilter + sessionPage
	countSessions   = "SELECT COUNT(*)" + visibleSessions + ofAnyone + sessionFilter
	countSessionsOf = "SELECT COUNT(*)" + visibleSessions + ofIdentity + sessionFilter
)

// which chooses between the two forms of a query.
func which(f session.Filter, anyone, one query) query {
	if f.Identity != nil {
		return one
	}
	return anyone
}

func filterArgs(f session.Filter) []any {
	identityID, active := "", ""
	if f.Identity != nil {
		identityID = f.Identity.String()
	}
	if f.Active != nil {
		active = map[bool]string{true: "true", false: "false"}[*f.Active]
	}
	return []any{identityID, active, micros(f.Now), f.Except.String()}
}

// ListSessions implements session.Store.
func (s *Store) ListSessions(ctx context.Context, f session.Filter) (all []*session.Session, err error) {
	after, afterID := int64(math.MaxInt64), ""
	if !f.AfterCreated.IsZero() {
		after, afterID = micros(f.AfterCreated), f.AfterID.String()
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			found, err := scanSession(r)
			all = append(all, found)
			return err
		}, which(f, listSessions, listSessionsOf), append(filterArgs(f), after, afterID, f.Limit, f.Offset)...)
	})
	return all, err
}

// CountSessions implements session.Store.
func (s *Store) CountSessions(ctx context.Context, f session.Filter) (n int, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&n) }, which(f, countSessions, countSessionsOf), filterArgs(f)...)
	})
	return n, err
}
