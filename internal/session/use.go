package session

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Used notes that the holder of a session is using it at a moment: it slides, where the rules say so, and is seen. It returns
// the session as it is now. That using a session could not be noted does not make it less valid, so only sliding can fail,
// and then leaves the session as it was.
func (m *Manager) Used(ctx context.Context, s *Session, now time.Time) *Session {
	switch {
	case s.replaced():
		return s // its holder has another token by now
	case m.slides(s, now):
		if next, err := m.slide(ctx, s); err == nil {
			return next
		}
	case now.Sub(s.LastSeenAt) >= m.Rules.grain():
		m.seen(ctx, s, now)
	}
	return s
}

// slides reports whether it is time to extend a session that is used. Sliding far is worth a write, sliding a little by
// each use is not: a tenth of a lifespan has to be won.
func (m *Manager) slides(s *Session, now time.Time) bool {
	if !m.Rules.Sliding || m.Rules.Window != nil && now.Add(*m.Rules.Window).Before(s.DeadlineAt) {
		return false
	}
	next := m.Rules.deadline(s, now)
	won := next.Sub(s.DeadlineAt)
	last := m.Rules.Max > 0 && next.Equal(s.CreatedAt.Add(m.Rules.Max))
	return won >= m.Rules.For(s.Remembered)/10 || last && won > 0
}

// slide looks at the clock anew: what has expired since the request came in, and was refused to others, must not live again.
func (m *Manager) slide(ctx context.Context, s *Session) (*Session, error) {
	now := m.Moment()
	rule := m.extension(now, 0)
	done, err := m.Store.SlideSession(ctx, s.ID, s.Rotation, rule)
	if err != nil || !done {
		return s, err
	}
	next := s.copy()
	next.ExtendedAt = now
	m.Rules.give(next, now)
	return next, nil
}

func (m *Manager) seen(ctx context.Context, s *Session, now time.Time) {
	if m.Uses != nil {
		m.Uses.add(s.ID)
		return
	}
	_ = m.Store.TouchSessions(ctx, []ID{s.ID}, now, now.Add(-m.Rules.grain()), m.Rules.Unused()) // the next use tries again
}

// Uses writes down which sessions were used, many with one statement and behind the answers that said so. The zero value
// is ready; it is safe for concurrent use, and does nothing until Run is called.
type Uses struct {
	mu      sync.Mutex
	waiting map[ID]struct{}
	wake    chan struct{}
}

const (
	maxWaiting = 1 << 16 // sessions; more are seen another time
	usesAtOnce = 100     // sessions in one statement: on SQLite one takes about a millisecond, in which nobody is answered
	restFor    = 19      // times as long as a statement took
)

// NewUses makes one.
func NewUses() *Uses { return &Uses{waiting: map[ID]struct{}{}, wake: make(chan struct{}, 1)} }

func (u *Uses) add(id ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiting) >= maxWaiting {
		return
	}
	u.waiting[id] = struct{}{}
	select {
	case u.wake <- struct{}{}:
	default: // it is awake
	}
}

// take empties what is waiting, as much as fits into one statement.
func (u *Uses) take() (ids []ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id := range u.waiting {
		if len(ids) == usesAtOnce {
			break
		}
		ids = append(ids, id)
		delete(u.waiting, id)
	}
	return ids
}

// Run writes, by the rules of the manager of the moment, until ctx ends, and then what is left. Where no session ends for
// being unused, writing rests nineteen times as long as it takes: whatever else the store is asked comes first, and last
// use is known less exactly while very many sessions are used.
func (u *Uses) Run(ctx context.Context, m func() *Manager, log *slog.Logger) {
	for {
		select {
		case <-u.wake:
			u.write(ctx, m, log, restFor)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			u.write(last, m, log, 0)
			return
		}
	}
}

// write writes until nothing is waiting, or ctx ends.
func (u *Uses) write(ctx context.Context, of func() *Manager, log *slog.Logger, rest time.Duration) {
	for ids := u.take(); len(ids) > 0; ids = u.take() {
		m, begun := of(), time.Now()
		now := m.Moment()
		if err := m.Store.TouchSessions(ctx, ids, now, now.Add(-m.Rules.grain()), m.Rules.Unused()); err != nil {
			log.Debug("last use was not written down; the next use will be", "error", err)
			return
		}
		if m.Rules.Idle > 0 {
			continue
		}
		select {
		case <-time.After(rest * time.Since(begun)):
		case <-ctx.Done():
			return
		}
	}
}
