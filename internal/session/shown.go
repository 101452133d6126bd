package session

// Shown is a session as it is shown to whoever asks for it.
type Shown struct {
	Body     string
	Identity [1]string // the identity's id, as the values of a header field; nobody changes it
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
		s.shown = shown
		s.keeping.Store(kept)
	}
}
