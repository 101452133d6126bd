package store

import (
	"context"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// liveOf finds the other live sessions of an identity; $4 is one of the classes below. What makes way first stands first.
const (
	liveOf query = `
SELECT s.id FROM sessions s JOIN identities i ON i.id = s.identity_id
 WHERE s.identity_id = $1 AND s.ended_at IS NULL AND s.deleted = FALSE AND s.expires_at > $2 AND s.id <> $3
   AND (CAST($4 AS BIGINT) = 2 OR CASE WHEN s.aal < i.available_aal THEN 1 ELSE 0 END = $4)`
	oldestFirst query = ` ORDER BY s.created_at, s.id`
	idleFirst   query = ` ORDER BY s.last_seen_at, s.created_at, s.id`
)

// The classes of sessions that count together.
const (
	complete = iota // have shown all factors that their identity has
	pending         // have yet to show the second
	every           // both
)

// makeRoom ends as many sessions of an identity as it takes for n, too, to be within the limit at a moment. The identity's
// row is held, so that two sign-ins at once cannot both find room.
func (t *tx) makeRoom(ctx context.Context, n *session.Session, limit session.Limit, at time.Time) error {
	if limit.Max == 0 {
		return nil
	}
	if err := t.hold(ctx, idList([]identity.ID{n.IdentityID})); err != nil {
		return err
	}
	order := oldestFirst
	if limit.Policy == session.EvictIdle {
		order = idleFirst
	}
	live, err := t.sessionIDs(ctx, liveOf+order, n.IdentityID.String(), micros(at), n.ID.String(), class(n, limit))
	surplus := len(live) - limit.Max + 1
	if err != nil || surplus <= 0 {
		return err
	}
	if limit.Policy == session.Deny {
		return session.ErrLimit
	}
	_, err = t.endSessions(ctx, session.Scope{IDs: live[:surplus]}, session.End{At: at, Reason: session.LimitReached, By: session.ByPolicy})
	return err
}

func class(n *session.Session, limit session.Limit) int {
	switch {
	case !limit.Apart || n.Identity == nil:
		return every
	case n.AAL < n.Identity.AvailableAAL:
		return pending
	}
	return complete
}
