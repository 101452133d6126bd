package store

import (
	"context"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// What makes way first stands first.
const (
	liveOf      query = `SELECT id FROM sessions WHERE identity_id = $1 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $2`
	oldestFirst query = ` ORDER BY created_at, id`
	idleFirst   query = ` ORDER BY last_seen_at, created_at, id`
)

// makeRoom ends as many sessions of an identity as it takes for one more to be within the limit. The identity's row is
// held, so that two sign-ins at once cannot both find room.
func (t *tx) makeRoom(ctx context.Context, n *session.Session, limit session.Limit) error {
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
	live, err := t.sessionIDs(ctx, liveOf+order, n.IdentityID.String(), micros(n.CreatedAt))
	surplus := len(live) - limit.Max + 1
	if err != nil || surplus <= 0 {
		return err
	}
	if limit.Policy == session.Deny {
		return session.ErrLimit
	}
	_, err = t.endSessions(ctx, session.Scope{IDs: live[:surplus]},
		session.End{At: n.CreatedAt, Reason: session.LimitReached, By: session.ByPolicy})
	return err
}
