package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"exeunt/internal/identity"
)

// Rules are the configured lengths and levels of sessions.
type Rules struct {
	Lifespan    time.Duration  // from start or extension to expiry
	Window      *time.Duration // how long before its expiry a session may be extended; nil for always
	Debounce    time.Duration  // a session extended more recently than this cannot be extended again
	RequiredAAL RequiredAAL
}

// RequiredAAL says which assurance level whoami asks for.
type RequiredAAL string

// The two rules: whatever the identity can reach, or one factor for all.
const (
	HighestAvailable RequiredAAL = "highest_available"
	OneFactor        RequiredAAL = "aal1"
)

// Meter counts session checks. Changes are counted by the store, which knows what was committed.
type Meter interface {
	SessionChecked(valid bool)
}

// Manager applies the rules of sessions. It is safe for concurrent use.
type Manager struct {
	Store Store
	Rules Rules
	Meter Meter
	Now   func() time.Time // nil means time.Now
}

// Moment is now in the precision of the store.
func (m *Manager) Moment() time.Time {
	if m.Now != nil {
		return m.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// Proof is what a sign-in has shown: who, how, and from where; and how the token of its session will travel.
type Proof struct {
	Identity *identity.Identity
	Methods  []MethodUse
	Device   Device
	Carrier  Carrier
}

// Start begins a session and returns it with its token, which exists nowhere else. ErrIdentityInactive when the
// identity may not have one. Inside a store transaction it counts only if that commits.
func (m *Manager) Start(ctx context.Context, p Proof) (*Session, Secret, error) {
	now := m.Moment()
	s := &Session{
		ID: NewID(), IdentityID: p.Identity.ID, Identity: p.Identity,
		CreatedAt: now, IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(m.Rules.Lifespan),
		AAL: Level(p.Methods), Methods: p.Methods, Devices: []Device{p.Device},
	}
	token := NewSecret(p.Carrier)
	if err := m.Store.InsertSession(ctx, s, token.Hash()); err != nil {
		return nil, Secret{}, err
	}
	return s, token, nil
}

// Refresh records that the holder of a live session has authenticated again: the session stays the same, its times move
// to now, the proof and the device are added. ErrNone when it has ended meanwhile.
func (m *Manager) Refresh(ctx context.Context, s *Session, use MethodUse, from Device) (*Session, error) {
	now := m.Moment()
	next := &Session{
		ID: s.ID, IdentityID: s.IdentityID, Identity: s.Identity, CreatedAt: s.CreatedAt, ExtendedAt: s.ExtendedAt,
		IssuedAt: now, AuthenticatedAt: now, ExpiresAt: now.Add(m.Rules.Lifespan),
		Methods: latest(append(slices.Clip(s.Methods), use)), Devices: latest(append(slices.Clip(s.Devices), from)),
	}
	next.AAL = max(s.AAL, Level(next.Methods))
	return next, m.Store.RefreshSession(ctx, next, now)
}

// maxRemembered bounds the proofs and devices that a session remembers, so that refreshing it does not make it grow.
const maxRemembered = 20

func latest[T any](all []T) []T { return all[max(len(all)-maxRemembered, 0):] }

// Level is the assurance level that a set of proofs reaches: two for a first and a second factor, one for one of them.
func Level(methods []MethodUse) identity.AAL {
	var first, second bool
	for _, u := range methods {
		first = first || u.AAL == identity.AAL1
		second = second || u.AAL == identity.AAL2
	}
	switch {
	case first && second:
		return identity.AAL2
	case first || second:
		return identity.AAL1
	}
	return identity.AAL0
}

// Lookup returns the session of a token if it counts, whatever its assurance level, or ErrNone. A store that cannot be
// reached is reported as such and never as ErrNone.
func (m *Manager) Lookup(ctx context.Context, token Secret) (*Session, error) {
	s, err := m.Store.SessionByToken(ctx, token.Hash())
	if err == nil && !s.Valid(m.Moment()) {
		return nil, ErrNone
	}
	return s, err
}

// Check is Lookup for whoami: it is counted, and ErrAALTooLow while the identity's second factor is still missing.
func (m *Manager) Check(ctx context.Context, token Secret) (*Session, error) {
	s, err := m.Lookup(ctx, token)
	switch {
	case errors.Is(err, ErrNone):
		m.Meter.SessionChecked(false)
		return nil, err
	case err != nil:
		return nil, err
	}
	m.Meter.SessionChecked(true)
	if !m.Satisfied(s) {
		return nil, ErrAALTooLow
	}
	return s, nil
}

// Satisfied reports whether the session has the level that the rules ask for.
func (m *Manager) Satisfied(s *Session) bool {
	return m.Rules.RequiredAAL == OneFactor || s.AAL >= s.Identity.AvailableAAL
}

// Extend gives a live session a full lifespan from now. Too early is no error and changes nothing. A session that has
// ended, or was extended within the debounce time, is ErrNotExtendable; one that never was, ErrNotFound.
func (m *Manager) Extend(ctx context.Context, id ID) error {
	now := m.Moment()
	rule := ExtendRule{Now: now, Window: m.Rules.Window, Debounced: now.Add(-m.Rules.Debounce)}
	done, err := m.Store.ExtendSession(ctx, id, now.Add(m.Rules.Lifespan), rule)
	if err != nil || done {
		return err
	}
	s, err := m.Store.Session(ctx, id)
	switch {
	case err != nil:
		return err
	case !s.Valid(now) || s.ExtendedAt.After(rule.Debounced):
		return ErrNotExtendable
	}
	return nil
}

// List returns sessions, the newest first.
func (m *Manager) List(ctx context.Context, f Filter) ([]*Session, error) {
	f.Now = m.Moment()
	return m.Store.ListSessions(ctx, f)
}

// Count counts sessions.
func (m *Manager) Count(ctx context.Context, f Filter) (int, error) {
	f.Now = m.Moment()
	return m.Store.CountSessions(ctx, f)
}

// Find returns a session, live or not, with its identity; or ErrNotFound.
func (m *Manager) Find(ctx context.Context, id ID) (*Session, error) { return m.Store.Session(ctx, id) }
