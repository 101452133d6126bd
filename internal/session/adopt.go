package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"time"

	"exeunt/internal/fault"
)

// Adopted is the reason of the event of a session whose cookie of another server was replaced.
const Adopted = "cookie_adopted"

// Lasting is until when the token of an adopted session still works: as long as the session does. It is in the cookie of
// the other server, which a back end may go on to send on a browser's behalf without ever passing on the one that
// replaces it; and a native client may hold it as well.
var Lasting = time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)

// Heir is the token, for our own cookie, that takes the place of a token from a cookie of another server. It is always the
// same one, so both cookies can be used side by side; nobody can tell it without the key.
func (m *Manager) Heir(token Secret) Secret {
	h := hmac.New(sha256.New, m.Key)
	h.Write([]byte("heir/" + token.value))
	return Secret{string(InCookie) + DeriveCode(h.Sum(nil)).value}
}

// Adopt gives a session that was found by a token of another server the heir of that token, with which a cookie of ours can
// be made. Nothing else changes, and the token stays one of the session's; whichever of them signs out ends the session, and
// with it the others. It reports false when the session has changed meanwhile, or has another token by now: one that was
// adopted once has its heir, whatever key that was made with.
func (m *Manager) Adopt(ctx context.Context, s *Session, token Secret) (*Session, bool, error) {
	if s.TokenUntil != nil {
		return s, false, nil
	}
	done, err := m.Store.ReplaceToken(ctx, s.ID, s.Rotation, m.Heir(token).Hash(), Replaced{Now: m.Moment(), PreviousUntil: Lasting, Reason: Adopted})
	if err != nil || !done {
		return s, false, err
	}
	next := s.copy()
	next.Rotation++
	return next, true, nil
}

// replaced reports whether a session was found by a token that another one has taken the place of, and that works only for
// a moment more.
func (s *Session) replaced() bool { return s.TokenUntil != nil && !s.TokenUntil.Equal(Lasting) }

// Inherited looks up the session of a token from a cookie of another server, with find: by its heir, and else by the token
// itself, which is then adopted, if it may be. It returns the token that the session was found by.
func (m *Manager) Inherited(ctx context.Context, token Secret, adopt bool, find func(Secret) (*Session, error)) (*Session, Secret, error) {
	heir := m.Heir(token)
	s, err := find(heir)
	if !errors.Is(err, ErrNone) || settled(err) {
		return s, heir, err
	}
	s, err = find(token)
	if err != nil || !adopt {
		return s, token, err
	}
	adopted, done, err := m.Adopt(ctx, s, token)
	if err != nil {
		return s, token, nil // what cannot be replaced at the moment works as it is
	}
	if done {
		return adopted, heir, nil
	}
	if s, err := find(heir); err == nil { // somebody else was faster
		return s, heir, nil
	}
	s, err = find(token)
	return s, token, err
}

// settled reports whether ErrNone is about a session that is known: it has ended, or has another token.
func settled(err error) bool {
	return fault.From(err).Details[EndReason] != nil || errors.Is(err, ErrReplaced)
}
