package event

import (
	"context"
	"time"

	"exeunt/internal/fault"
)

// ErrAhead means that a position was never given out by this database, as after an older copy was restored.
var ErrAhead = fault.New(fault.Invalid, "event_position_ahead", "This place in the log lies behind its end: the database is an older copy. Start again without it.")

// Log reads events in their order. It is safe for concurrent use.
type Log struct {
	store Store
	turn  chan struct{} // held by whoever places: one in a process is enough
	look  time.Duration // how soon the events of other nodes are looked for
}

// NewLog makes a log that reads from a store.
func NewLog(s Store) *Log {
	return &Log{store: s, turn: make(chan struct{}, 1), look: 500 * time.Millisecond}
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

// soon is the number of calls of PlaceEvents for somebody who looks at the end of the log and must not wait.
const soon = 4

// Latest returns the last events before a position, the last first; zero is the end of the log. Through is where the next
// page, of those before, goes on.
func (l *Log) Latest(ctx context.Context, before int64, limit int, f Filter) (Page, error) {
	last, err := l.place(ctx, soon)
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
	if _, err := l.place(ctx, soon); err != nil {
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
	defer func() { <-l.turn }()
	return l.store.PlaceEvents(ctx)
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
