package session

import "exeunt/internal/identity"

// Shown is a session as it is shown to whoever asks for it.
type Shown struct {
	Body     string
	Identity [1]string // the identity's id, as the values of a header field; nobody changes it
}

// standing is what a check looks at in an identity.
type standing struct {
	active    bool
	available identity.AAL
}

// How far keeping it is.
const (
	notKept = iota
	beingKept
	kept
)

// Shown returns how the session is shown, once that was kept with it, and nil before. It is safe for concurrent use.
func (s *Session) Shown() *Shown {
	if s.keeping.Load() != kept {
		return nil
	}
	return &s.shown
}

// Keep keeps how the session is shown, which is costly to make and stays the same until the session changes: a changed one is
// another [Session]. What is kept first stays. It is safe for concurrent use.
func (s *Session) Keep(shown Shown) {
	if s.keeping.CompareAndSwap(notKept, beingKept) {
		s.shown, s.owner = shown, standingOf(s.Identity)
		s.keeping.Store(kept)
	}
}

// standing is that of the session's identity, without a look at it where that was kept.
func (s *Session) standing() standing {
	if s.keeping.Load() == kept {
		return s.owner
	}
	return standingOf(s.Identity)
}

// standingOf is that of an identity. One that is not loaded ends no session, and no level suffices for it but the highest.
func standingOf(i *identity.Identity) standing {
	if i == nil {
		return standing{true, identity.AAL2}
	}
	return standing{i.State == identity.Active, i.AvailableAAL}
}
