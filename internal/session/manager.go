package session

import (
	"context"
	"errors"
	"time"

	"exeunt/internal/identity"
)

// Meter counts session checks. Changes are counted by the store, which knows what was committed.
type Meter interface {
	SessionChecked(valid bool)
}

// Manager applies the rules of sessions. It is safe for concurrent use.
type Manager struct {
	Store  Store
	Finder Searcher
	Rules  Rules
	Meter  Meter
	Uses   *Uses            // nil: last use is written down at once
	Key    []byte           // makes the tokens that take the place of others; nil: they are random
	Now    func() time.Time // nil means time.Now
}

// Moment is now in the precision of the store.
func (m *Manager) Moment() time.Time {
	if m.Now != nil {
		return m.Now().UTC().Truncate(time.Microsecond)
	}
	return time.UnixMicro(time.Now().UnixMicro()).UTC()
}

// Proof is what a sign-in has shown: who, how, and from where; and how the token of its session will travel.
type Proof struct {
	Identity *identity.Identity
	Methods  []MethodUse
	Device   Device
	Carrier  Carrier
	Remember bool // the person chose to stay signed in for longer, where that is offered
}

// limit is the configured one; levels matter where a second factor is asked for.
func (m *Manager) limit() Limit {
	l := m.Rules.Limit
	l.Apart = m.Rules.RequiredAAL != OneFactor
	return l
}

// Start begins a session and returns it with its token, which exists nowhere else. ErrIdentityInactive when the
// identity may not have one, ErrLimit when it has too many. Inside a store transaction it counts only if that commits.
func (m *Manager) Start(ctx context.Context, p Proof) (*Session, Secret, error) {
	now := m.Moment()
	s := &Session{
		ID: NewID(), IdentityID: p.Identity.ID, Identity: p.Identity, CreatedAt: now, IssuedAt: now, AuthenticatedAt: now,
		Remembered: p.Remember && m.Rules.Remembered > 0, AAL: Level(p.Methods), Methods: p.Methods, Devices: []Device{p.Device},
	}
	m.Rules.give(s, now)
	token := NewSecret(p.Carrier)
	if err := m.Store.InsertSession(ctx, s, token.Hash(), m.limit()); err != nil {
		return nil, Secret{}, err
	}
	return s, token, nil
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

// Lookup returns the session of a token if it counts, whatever its assurance level, or ErrNone; that says why the session
// ended, if it did. What had expired at the given moment, which is when the request came in, does not count. One that is over by
// rules that were made stricter since is ended for good, so that looser ones do not bring it back. A store that cannot be
// reached is reported as such and never as ErrNone.
func (m *Manager) Lookup(ctx context.Context, token Secret, at time.Time) (*Session, error) {
	s, err := m.Store.SessionByToken(ctx, token.Hash())
	if err != nil {
		return nil, err
	}
	if m.counts(s, at) {
		return s, nil
	}
	if s.Valid(at) {
		if _, err := m.Store.ExpireSession(ctx, s.ID, s.ExpiresAt, at); err != nil {
			return nil, err
		}
	}
	return nil, over(s)
}

// counts reports whether a session is live at a moment, by its row and by the rules of now.
func (m *Manager) counts(s *Session, at time.Time) bool { return s.Valid(at) && m.Rules.within(s, at) }

// Trace returns the session that a token stands for or stood for, ended or not, as long as its row exists; or ErrNotFound.
func (m *Manager) Trace(ctx context.Context, token Secret) (*Session, error) {
	s, err := m.Store.SessionByToken(ctx, token.Hash())
	if errors.Is(err, ErrNone) {
		err = ErrNotFound
	}
	return s, err
}

// Live returns a session as it is now, or ErrNone when it has ended since it was looked up.
func (m *Manager) Live(ctx context.Context, s *Session) (*Session, error) {
	now, err := m.Store.Session(ctx, s.ID)
	if err == nil && !m.counts(now, m.Moment()) {
		err = ErrNone
	}
	return now, orNone(err)
}

// over is ErrNone with the reason, where there is one to tell whoever holds the token.
func over(s *Session) error {
	switch {
	case s.End != nil:
		return ErrNone.WithDetail(EndReason, string(s.End.Reason))
	case s.TokenUntil == nil:
		return ErrNone.WithDetail(EndReason, string(Expired))
	}
	return ErrNone.Because(ErrReplaced)
}

// ErrReplaced is the cause of ErrNone for a token that another one has taken the place of: the session may live with that one.
var ErrReplaced = errors.New("another token has taken the place of this one")

// EndReason is the detail of ErrNone that says why a session ended.
const EndReason = "end_reason"

// Check is Lookup for whoami: it is counted, and ErrAALTooLow, beside the session, while the identity's second factor is
// still missing.
func (m *Manager) Check(ctx context.Context, token Secret, at time.Time) (*Session, error) {
	s, err := m.Lookup(ctx, token, at)
	switch {
	case errors.Is(err, ErrNone):
		m.Meter.SessionChecked(false)
		return nil, err
	case err != nil:
		return nil, err
	}
	m.Meter.SessionChecked(true)
	if !m.Satisfied(s) {
		return s, ErrAALTooLow
	}
	return s, nil
}

// Satisfied reports whether the session has the level that the rules ask for.
func (m *Manager) Satisfied(s *Session) bool { return m.suffices(s.AAL, s.standing().available) }

// Suffices reports whether a level is what the rules ask of an identity.
func (m *Manager) Suffices(level identity.AAL, i *identity.Identity) bool {
	return m.suffices(level, standingOf(i).available)
}

func (m *Manager) suffices(level, available identity.AAL) bool {
	return m.Rules.RequiredAAL == OneFactor || level >= available
}

// Extend gives a live session a full lifespan from now. Too early is no error and changes nothing. A session that has
// ended, or was extended within the debounce time, is ErrNotExtendable; one that never was, ErrNotFound.
func (m *Manager) Extend(ctx context.Context, id ID) error {
	rule := m.extension(m.Moment(), m.Rules.Debounce)
	done, err := m.Store.ExtendSession(ctx, id, rule)
	if err != nil || done {
		return err
	}
	s, err := m.Store.Session(ctx, id)
	switch {
	case err != nil:
		return err
	case !m.counts(s, rule.Now) || s.ExtendedAt.After(rule.Debounced):
		return ErrNotExtendable
	}
	return nil
}

func (m *Manager) extension(now time.Time, debounce time.Duration) ExtendRule {
	return ExtendRule{Now: now, Lengths: m.Rules.Lengths, Window: m.Rules.Window, Debounced: now.Add(-debounce)}
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
