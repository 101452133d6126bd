package event

import (
	"context"
	"sync/atomic"
	"time"

	"exeunt/internal/fault"
)

// ErrAhead means that a position was never given out by this database, as after an older copy was restored.
var ErrAhead = fault.New(fault.Invalid, "event_position_ahead", "This place in the log lies behind its end: the database is an older copy. Start again without it.")

// Log reads events in their order. It is safe for concurrent use.
type Log struct {
	store  Store
	behind chan struct{} // tells Run that there is much to place
	known  atomic.Int64  // the last position, when this process last gave any
	turn   chan struct{} // held by whoever places: one in a process is enough
	look   time.Duration // how soon the events of other nodes are looked for
}

// NewLog makes a log that reads from a store.
func NewLog(s Store) *Log {
	return &Log{store: s, behind: make(chan struct{}, 1), turn: make(chan struct{}, 1), look: 500 * time.Millisecond}
}

// Page is a part of the log.
type Page struct {
	Events  []Event
	Through int64 // all that the filter chooses up to this position was read; the next page begins after it
}

const listRounds = 20 // calls of PlaceEvents for one page, so that none takes long

// List returns the events after a position. When fewer than limit are there, the page says how far it has looked: with a
// filter that chooses little, or after a long time without readers, there may still be more behind.
func (l *Log) List(ctx context.Context, after int64, limit int, f Filter) (Page, error) {
	last, err := l.place(ctx, listRounds)
	if err != nil {
		return Page{}, err
	}
	if after > last {
		return Page{}, ErrAhead
	}
	all, err := l.store.Events(ctx, after, last, limit, f)
	if err != nil {
		return Page{}, err
	}
	p := Page{Events: all, Through: last}
	if len(all) == limit {
		p.Through = all[limit-1].Position
	}
	return p, nil
}

// glance is how long somebody who looks at the end of the log waits for events to get their places.
const glance = 50 * time.Millisecond

// soon gives positions for a moment, if nobody else does. What is left after that is for [Log.Run], and the end of the log
// is where it was.
func (l *Log) soon(ctx context.Context) (last int64, err error) {
	enough := time.NewTimer(glance)
	defer enough.Stop()
	for more := true; more; {
		select {
		case l.turn <- struct{}{}:
			last, more, err = l.placeSome(ctx)
		case <-enough.C:
			if last = l.known.Load(); last == 0 { // nothing was ever placed here
				return l.place(ctx, 1)
			}
			l.fallBehind()
			return last, nil
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
	}
	return last, nil
}

// fallBehind tells Run, unless it has been told.
func (l *Log) fallBehind() {
	select {
	case l.behind <- struct{}{}:
	default:
	}
}

// Run gives positions to what has happened while nobody read the log, once somebody who does not wait for it has looked.
func (l *Log) Run(ctx context.Context) {
	for {
		select {
		case <-l.behind:
			_, _ = l.place(ctx, -1) // whoever looks next meets what is wrong, and tells again
		case <-ctx.Done():
			return
		}
	}
}

// Latest returns the last events before a position, the last first; zero is the end of the log. Through is where the next
// page, of those before, goes on.
func (l *Log) Latest(ctx context.Context, before int64, limit int, f Filter) (Page, error) {
	last, err := l.soon(ctx)
	if err != nil {
		return Page{}, err
	}
	if before > 0 {
		last = min(last, before-1)
	}
	f.Newest = true
	all, err := l.store.Events(ctx, 0, last, limit, f)
	p := Page{Events: all}
	if len(all) > 0 {
		p.Through = all[len(all)-1].Position
	}
	return p, err
}

// Hours returns how much happened since a moment. After a long time without readers, some of it may not be counted yet.
func (l *Log) Hours(ctx context.Context, since time.Time) ([]Hour, error) {
	if _, err := l.soon(ctx); err != nil {
		return nil, err
	}
	return l.store.Hours(ctx, since)
}

// End returns the position of the last event that is committed.
func (l *Log) End(ctx context.Context) (int64, error) { return l.place(ctx, -1) }

// place gives positions, in so many rounds at most; a negative number means as many as it takes.
func (l *Log) place(ctx context.Context, rounds int) (last int64, err error) {
	for more := true; more && rounds != 0; rounds-- {
		if last, more, err = l.round(ctx); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// round gives some positions, when it is this caller's turn.
func (l *Log) round(ctx context.Context) (last int64, more bool, err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
	return l.placeSome(ctx)
}

// placeSome gives some positions to whoever has the turn, and ends the turn.
func (l *Log) placeSome(ctx context.Context) (last int64, more bool, err error) {
	defer func() { <-l.turn }()
	if last, more, err = l.store.PlaceEvents(ctx); err == nil {
		l.known.Store(last)
	}
	return last, more, err
}

// Wait returns when there is an event after a position, and says where the log ends then. What this process commits wakes
// it at once; what others do is found by looking again.
func (l *Log) Wait(ctx context.Context, after int64) (int64, error) {
	tick := time.NewTicker(l.look)
	defer tick.Stop()
	for {
		committed := l.store.Committed()
		last, err := l.place(ctx, listRounds)
		if err != nil || last > after {
			return last, err
		}
		select {
		case <-committed:
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// followed is how many events a follower is handed at once at most.
const followed = 250

// Follow hands over all events after a position that the filter chooses, as they come, until ctx ends or handing over
// fails, and returns why it ended. A page without events says that the log has moved on past events of others.
func (l *Log) Follow(ctx context.Context, after int64, f Filter, hand func(Page) error) error {
	for {
		p, err := l.List(ctx, after, followed, f)
		if err != nil {
			return err
		}
		if p.Through > after {
			if err := hand(p); err != nil {
				return err
			}
			after = p.Through
			continue
		}
		if _, err := l.Wait(ctx, after); err != nil {
			return err
		}
	}
}
