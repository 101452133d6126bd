package session

import "time"

// Rules are the configured lengths, levels and numbers of sessions.
type Rules struct {
	Lengths
	Sliding     bool           // using a session extends it
	Window      *time.Duration // how long before its deadline a session may be extended; nil for always
	Debounce    time.Duration  // a session extended more recently than this cannot be extended again
	Limit       Limit
	RequiredAAL RequiredAAL
}

// RequiredAAL says which assurance level whoami asks for.
type RequiredAAL string

// The two rules: whatever the identity can reach, or one factor for all.
const (
	HighestAvailable RequiredAAL = "highest_available"
	OneFactor        RequiredAAL = "aal1"
)

// Lengths bound how long a session lives. Zero is no bound.
type Lengths struct {
	Lifespan   time.Duration // from its start, refresh or extension to its deadline; never zero
	Remembered time.Duration // the same for a session that is remembered; zero when nobody can choose that
	Max        time.Duration // from its start, whatever extends it
	Idle       time.Duration // since it was last used
}

// For is how long a session gets at a time.
func (l Lengths) For(remembered bool) time.Duration {
	if remembered && l.Remembered > 0 {
		return l.Remembered
	}
	return l.Lifespan
}

// give sets how long a session that is in use at now will live.
func (l Lengths) give(s *Session, now time.Time) {
	s.LastSeenAt, s.DeadlineAt = now, l.deadline(s, now)
	s.ExpiresAt = s.DeadlineAt
	if unused := now.Add(l.Idle + l.grain()); l.Idle > 0 && unused.Before(s.DeadlineAt) {
		s.ExpiresAt = unused
	}
}

// deadline is until when a session that is in use at now may live.
func (l Lengths) deadline(s *Session, now time.Time) time.Time {
	next := now.Add(l.For(s.Remembered))
	if last := s.CreatedAt.Add(l.Max); l.Max > 0 && last.Before(next) {
		return last
	}
	return next
}

// within reports whether a session that its row calls live is live by rules that were made stricter since. By those before, last
// use was known to a minute.
func (l Lengths) within(s *Session, now time.Time) bool {
	return (l.Max == 0 || s.CreatedAt.Add(l.Max).After(now)) && (l.Idle == 0 || s.LastSeenAt.Add(l.Idle+maxGrain).After(now))
}

const maxGrain = time.Minute

// grain is how exactly last use is known: use within it is not written down again, so that it costs little. A session
// that may go unused for a short time alone is watched more closely.
func (l Lengths) grain() time.Duration {
	if l.Idle > 0 {
		return min(maxGrain, l.Idle/10)
	}
	return maxGrain
}

// Unused is how long a session lives after a use that was noted; zero for no bound.
func (l Lengths) Unused() time.Duration {
	if l.Idle == 0 {
		return 0
	}
	return l.Idle + l.grain()
}

// Limit bounds the live sessions of one identity.
type Limit struct {
	Max    int // zero for no bound
	Policy Policy

	// Apart counts sessions that have yet to show the second factor among themselves, until they show it: whoever knows
	// the password alone must not push out those of its owner, or keep the owner out.
	Apart bool
}

// Policy says what happens when one more session would be too many.
type Policy string

// The policies.
const (
	EvictOldest Policy = "evict_oldest" // the one that was started first ends
	EvictIdle   Policy = "evict_idle"   // the one that was not used for the longest time ends
	Deny        Policy = "deny"         // the new one does not start
)

// ByPolicy is who ended a session when a configured rule did.
const ByPolicy = "policy"
