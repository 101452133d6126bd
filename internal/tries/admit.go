package tries

import (
	"context"
	"time"
)

// admit lets a try of a subject begin if its allowance has room, for those too that are under way on this node.
func (g *Guard) admit(ctx context.Context, subject string, a allowance) (end func(wrong bool) error, err error) {
	if err := g.refuse(subject, a, 0, time.Time{}); err != nil {
		return nil, err // whatever else the store knows
	}
	n, last, err := g.Store.FailedTries(ctx, subject)
	if err != nil {
		return nil, err
	}
	if err := g.enter(subject, a, n, last); err != nil {
		return nil, err
	}
	return func(wrong bool) error {
		defer g.leave(subject)
		if !wrong {
			return nil
		}
		// Whoever hangs up has had their try.
		n, last, err := g.Store.AddFailedTry(context.WithoutCancel(ctx), subject, g.now(), a.forget)
		if err == nil {
			g.counted(subject, n, last)
		}
		return err
	}, nil
}

// enter counts a try that begins, after n failures as the store knows them.
func (g *Guard) enter(subject string, a allowance, n int, last time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.of(subject)
	if err := h.refuse(a, n, last, g.now()); err != nil {
		return err
	}
	h.underWay++
	return nil
}

func (g *Guard) refuse(subject string, a allowance, n int, last time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(subject).refuse(a, n, last, g.now())
}

func (g *Guard) leave(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.of(subject)
	h.underWay = max(h.underWay-1, 0) // it may have been forgotten in between
}

// counted takes over the outcome of a failure of this moment.
func (g *Guard) counted(subject string, n int, last time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.of(subject)
	h.learn(n, last)
	if now := g.now(); h.stored.After(now) {
		h.last = now // the store's count may be full, and its time that of a clock that was ahead
	}
}

// learn takes over what is known elsewhere, if it is newer.
func (h *here) learn(n int, last time.Time) {
	if last.After(h.stored) || last.Equal(h.stored) && n > h.failures {
		h.failures, h.last, h.stored = n, last, last
	}
}

// refuse is nil, or says how long the next try has to wait. Those under way may all fail: they get what is free, and
// beyond that one at a time.
func (h *here) refuse(a allowance, n int, last, now time.Time) error {
	h.learn(n, last)
	if h.last.After(now) {
		h.last = now // waiting begins when it is first seen, and not when a clock that is wrong says
	}
	failures := a.left(h.failures, now.Sub(h.last))
	wait := h.last.Add(a.wait(failures)).Sub(now)
	if wait <= 0 && h.underWay > 0 && failures+h.underWay >= a.free {
		wait = max(a.wait(failures+h.underWay), time.Second)
	}
	if wait <= 0 {
		return nil
	}
	e := *ErrTooMany
	e.RetryAfter = wait
	return &e
}

// of is what is known of a subject. Two generations stand in for an order of use.
func (g *Guard) of(subject string) *here {
	h, ok := g.young[subject]
	if !ok {
		if h, ok = g.old[subject]; !ok {
			h = &here{}
		}
		if g.young == nil || len(g.young) >= maxKept {
			g.old, g.young = g.young, map[string]*here{}
		}
		g.young[subject] = h
	}
	return h
}

func (g *Guard) now() time.Time {
	if g.Now != nil {
		return g.Now()
	}
	return time.Now()
}
