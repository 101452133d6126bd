package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"exeunt/internal/identity"
)

// The kinds of events of a refresh.
const (
	SessionRefreshed = "session_refreshed"  // authenticated again
	SessionSteppedUp = "session_stepped_up" // reached a higher level
)

// tokenOverlap is how long the token before works beside a new one: what other tabs have under way still arrives.
const tokenOverlap = 5 * time.Second

// Renewal is what happened in a live session that gives it a new token.
type Renewal struct {
	Use      MethodUse          // how its holder has authenticated again; zero when they have not
	Identity *identity.Identity // that of which something was proved; nil when nothing was
	Device   Device
	Carrier  Carrier
	Token    Secret // that of the request, whose place the new one takes; zero when there is none
	Reason   string // why the token is new, if nobody authenticated
}

// Refresh records that the holder of a live session has authenticated again: the session stays the same, its times move
// to now, the proof and the device are added, and it has a new token, which is stored nowhere. Without a proof it has the token alone. The token before works for a
// few seconds more, but never for a session that has ended. ErrNone when it has; identity.ErrChanged when the identity is not
// the one any more of which something was proved: that may be of no worth now.
func (m *Manager) Refresh(ctx context.Context, s *Session, r Renewal) (*Session, Secret, error) {
	token := NewSecret(r.Carrier)
	if len(m.Key) > 0 && r.Token != (Secret{}) {
		token = r.Token.successor(m.Key, s.ID, r.Carrier)
	}
	for {
		now := m.Moment()
		next := m.renewed(s, r, now)
		done, err := m.renew(ctx, s, next, token.Hash(), r, now)
		if err != nil {
			return nil, Secret{}, err
		}
		if done {
			next.Rotation++
			return next, token, nil
		}
		// Somebody else has refreshed it, in another tab: what they have proved must not be lost.
		tried := s.Rotation
		if s, err = m.Store.Session(ctx, s.ID); err != nil {
			return nil, Secret{}, orNone(err)
		}
		switch {
		case !m.counts(s, now):
			return nil, Secret{}, ErrNone
		case r.Identity != nil && !s.Identity.UpdatedAt.Equal(r.Identity.UpdatedAt):
			return nil, Secret{}, identity.ErrChanged
		case s.Rotation == tried:
			r.Identity = nil // of which its row knows another version: a program of a release before has changed the identity alone
		}
	}
}

func (m *Manager) renewed(s *Session, r Renewal, now time.Time) *Session {
	next := s.copy()
	next.TokenUntil = nil
	if r.Use.Method == "" {
		return next
	}
	next.IssuedAt, next.AuthenticatedAt = now, now
	next.Methods, next.Devices = latest(append(slices.Clip(s.Methods), r.Use)), latest(append(slices.Clip(s.Devices), r.Device))
	next.AAL = max(s.AAL, Level(next.Methods))
	m.Rules.give(next, now)
	return next
}

// renew stores what a session becomes, if it is still as it was read. Where nobody has authenticated that is its token alone: its
// times may be later by now than they were.
func (m *Manager) renew(ctx context.Context, s, next *Session, token TokenHash, r Renewal, now time.Time) (bool, error) {
	until := now.Add(tokenOverlap)
	if r.Use.Method == "" {
		return m.Store.ReplaceToken(ctx, s.ID, s.Rotation, token, Replaced{Now: now, PreviousUntil: until, Reason: r.Reason})
	}
	w := Renewed{Now: now, PreviousUntil: until, Kind: SessionRefreshed, Identity: r.Identity, Reason: r.Use.Method, Limit: m.limit()}
	if next.AAL > s.AAL {
		w.Kind = SessionSteppedUp
	}
	return m.Store.RefreshSession(ctx, next, token, w)
}

// orNone says of a session that is gone what is said of one that has ended.
func orNone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrNone
	}
	return err
}
