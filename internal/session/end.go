package session

import (
	"context"

	"exeunt/internal/identity"
)

// Admin is who ended a session when the admin API did.
const Admin = "admin"

// Logout ends the session of a token and no other. A session that was revoked before is a success, so that signing out
// twice is no failure. A token that no row knows, or whose session has expired by time, is ErrUnknownToken.
//
// The row decides, in one statement: when Logout returns nil, the session is ended in the store.
func (m *Manager) Logout(ctx context.Context, token Secret) error {
	revoked, err := m.Store.EndByToken(ctx, token.Hash(), End{At: m.Moment(), Reason: Logout})
	if err == nil && !revoked {
		return ErrUnknownToken
	}
	return err
}

// Revoke ends one session for an administrator. One that is already over is a success; ErrNotFound if there is none.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	done, err := m.RevokeAll(ctx, Scope{IDs: []ID{id}})
	if err != nil || done.Count > 0 {
		return err
	}
	_, err = m.Store.Session(ctx, id)
	return err
}

// RevokeAll ends the sessions of a scope for an administrator.
func (m *Manager) RevokeAll(ctx context.Context, scope Scope) (Ended, error) {
	return m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: RevokedByAdmin, By: Admin})
}

// RevokeOwn ends every session of an identity on its own behalf, as a sign-in that leaves no other behind does.
func (m *Manager) RevokeOwn(ctx context.Context, id identity.ID) (Ended, error) {
	scope := Scope{Identities: []identity.ID{id}}
	return m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: Revoked, By: id.String()})
}
