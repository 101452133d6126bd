package session

import (
	"context"
	"errors"

	"exeunt/internal/identity"
)

// Admin is who ended a session when the admin API did.
const Admin = identity.Admin

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

// Fate is what became of a session that a logout token names.
type Fate int

// The fates. Whoever holds a genuine logout token is signed out in the first three.
const (
	EndedNow    Fate = iota // by this call
	EndedBefore             // somebody had revoked it
	RunOut                  // its time had run out, or nothing is known of it any more; it is over for good
	NotYours                // it lives, and the caller's credential is not its own
)

// LogoutNamed ends the session that a genuine logout token names, if the caller's own live session is that one; own is
// nil for a caller without any. What was compared is what is ended: the session of the caller's token.
func (m *Manager) LogoutNamed(ctx context.Context, named ID, own *Session, token Secret) (Fate, error) {
	if own != nil && own.ID == named {
		revoked, err := m.Store.EndByToken(ctx, token.Hash(), End{At: m.Moment(), Reason: Logout})
		if err != nil || revoked {
			return EndedNow, err
		}
		// The token may have been replaced since it was resolved. The session it stood for is still the one to end.
		scope := Scope{IDs: []ID{own.ID}, Owner: own.IdentityID}
		done, err := m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: Logout, By: own.IdentityID.String()})
		if err != nil || done.Count > 0 {
			return EndedNow, err
		}
	}
	return m.fate(ctx, named)
}

// fate says what became of a session. One whose time has run out, by the rules of now or by this node's clock, is ended in the
// store before its holder is told that it is over: an extension may be on its way, another node's clock be behind, and the rules
// may become looser.
func (m *Manager) fate(ctx context.Context, id ID) (Fate, error) {
	for {
		reason, err := m.Store.EndReason(ctx, id)
		switch {
		case err != nil || reason == Expired:
			return RunOut, err
		case reason != "":
			return EndedBefore, nil
		}
		s, err := m.Store.Session(ctx, id)
		switch now := m.Moment(); {
		case errors.Is(err, ErrNotFound):
			return RunOut, nil
		case err != nil:
			return RunOut, err
		case m.counts(s, now):
			return NotYours, nil
		default:
			if done, err := m.Store.ExpireSession(ctx, id, s.ExpiresAt, now); err != nil || done {
				return RunOut, err
			}
		} // somebody else has ended or extended it
	}
}

// RevokeOthers ends all sessions of the caller's identity but the caller's own, and says how many it ended. A caller who
// has yet to show the second factor is ErrAALTooLow: one stolen password must not sign its owner out everywhere.
func (m *Manager) RevokeOthers(ctx context.Context, own *Session) (int, error) {
	if !m.Satisfied(own) {
		return 0, ErrAALTooLow
	}
	return m.endOthers(ctx, own, Revoked)
}

// OutdateOthers ends all sessions of an identity but the one in which its owner has changed a credential, and says how
// many it ended: whoever signed in with the old one has to show the new one.
func (m *Manager) OutdateOthers(ctx context.Context, own *Session) (int, error) {
	return m.endOthers(ctx, own, CredentialChanged)
}

func (m *Manager) endOthers(ctx context.Context, own *Session, why Reason) (int, error) {
	scope := Scope{Identities: []identity.ID{own.IdentityID}, Except: own.ID}
	done, err := m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: why, By: own.IdentityID.String()})
	return done.Count, err
}

// RevokeOther ends one other session of the caller's identity. One that is over, unknown or somebody else's is left as
// it is, without telling which. The caller's own is ErrOwn, as [Manager.RevokeOthers] for the level.
func (m *Manager) RevokeOther(ctx context.Context, own *Session, id ID) error {
	switch {
	case id == own.ID:
		return ErrOwn
	case !m.Satisfied(own):
		return ErrAALTooLow
	}
	scope := Scope{IDs: []ID{id}, Owner: own.IdentityID}
	_, err := m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: Revoked, By: own.IdentityID.String()})
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
	return m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: RevokedByAdmin, By: identity.AdminIn(ctx)})
}

// RevokeOwn ends every session of an identity on its own behalf, as a sign-in that leaves no other behind does.
func (m *Manager) RevokeOwn(ctx context.Context, id identity.ID) (Ended, error) {
	scope := Scope{Identities: []identity.ID{id}}
	return m.Store.EndSessions(ctx, scope, End{At: m.Moment(), Reason: Revoked, By: id.String()})
}
