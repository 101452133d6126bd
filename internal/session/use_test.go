package session

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// touched is a store in which noting takes ten milliseconds.
type touched struct {
	Store
	begun time.Time
	at    []time.Duration
	ids   int
}

func (s *touched) TouchSessions(_ context.Context, ids []ID, _, _ time.Time, _ time.Duration) error {
	s.at, s.ids = append(s.at, time.Since(s.begun)), s.ids+len(ids)
	time.Sleep(10 * time.Millisecond)
	return nil
}

func TestNotingLastUseRestsUnlessSessionsEndForIt(t *testing.T) {
	const ms = time.Millisecond
	const turn = (1 + restFor) * 10 * ms // a statement takes 10 ms
	for name, c := range map[string]struct {
		rules  Rules
		over   time.Duration // when it is told to end
		at     []time.Duration
		rested time.Duration
	}{
		"nothing depends on it":            {Rules{}, time.Hour, []time.Duration{0, turn, 2 * turn}, time.Hour},
		"unused sessions end":              {Rules{Lengths: Lengths{Idle: time.Hour}}, time.Hour, []time.Duration{0, 10 * ms, 20 * ms}, time.Hour},
		"what is left at the end is noted": {Rules{}, 50 * ms, []time.Duration{0, 50 * ms, 60 * ms}, 70 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &touched{begun: time.Now()}
				m := &Manager{Store: st, Rules: c.rules}
				u := NewUses()
				for range 2*usesAtOnce + 1 {
					u.add(NewID())
				}
				ctx, over := context.WithTimeout(t.Context(), c.over)
				defer over()
				u.Run(ctx, func() *Manager { return m }, slog.New(slog.DiscardHandler))
				if !slices.Equal(st.at, c.at) || st.ids != 2*usesAtOnce+1 || time.Since(st.begun) != c.rested {
					t.Errorf("%d sessions were noted at %v until %v, want %v until %v", st.ids, st.at, time.Since(st.begun), c.at, c.rested)
				}
			})
		})
	}
}

// slid is a store that keeps by what clock a session was to be extended.
type slid struct {
	Store
	now time.Time
}

func (s *slid) SlideSession(_ context.Context, _ ID, _ int64, rule ExtendRule) (bool, error) {
	s.now = rule.Now
	return true, nil
}

// A look-up may take long. Whoever asked meanwhile was told that the session has expired, and that is final.
func TestASessionThatExpiresWhileItIsLookedUpDoesNotSlide(t *testing.T) {
	asked := time.Now().UTC().Truncate(time.Microsecond)
	s := &Session{CreatedAt: asked.Add(-time.Hour), ExpiresAt: asked.Add(time.Second), DeadlineAt: asked.Add(time.Second)}
	st := &slid{}
	m := &Manager{Store: st, Rules: Rules{Sliding: true, Lengths: Lengths{Lifespan: time.Hour}}, Now: func() time.Time { return asked.Add(time.Minute) }}
	if m.Used(t.Context(), s, asked); !st.now.Equal(asked.Add(time.Minute)) {
		t.Errorf("it is extended if it lives at %v, want %v: the moment of the request is long past", st.now, asked.Add(time.Minute))
	}
}
