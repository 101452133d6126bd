package store

import (
	"context"
	"sync/atomic"

	"exeunt/internal/event"
)

const (
	unplacedEvents query = `
SELECT last, EXISTS (SELECT 1 FROM events WHERE position IS NULL) FROM event_positions WHERE id = 1`

	holdPositions query = `SELECT last FROM event_positions WHERE id = 1 FOR_UPDATE`

	// At the same moment, the descending names of kinds are the order of a session's life. The limit is part of the text,
	// so that a plan made for any number of rows is never used.
	placeEvents query = `
UPDATE events SET position = $1 + placed.n
  FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY at, kind DESC, id) AS n
          FROM (SELECT id, at, kind FROM events WHERE position IS NULL ORDER BY at, kind DESC, id LIMIT 500) AS earliest) AS placed
 WHERE events.id = placed.id
RETURNING position, at, kind, reason`

	advancePositions query = `UPDATE event_positions SET last = $1 WHERE id = 1`
)

// PlaceEvents implements event.Store. The one row that holds the last position is held from the first statement to the
// commit, so positions become visible in their order, whichever node gives them.
func (s *Store) PlaceEvents(ctx context.Context) (last int64, more bool, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&last, &more) }, unplacedEvents)
	})
	if err != nil || !more {
		return last, false, err
	}
	err = s.write(ctx, manner{idempotent: true}, func(ctx context.Context, t *tx) error {
		last, more, err = t.placeEvents(ctx)
		return err
	})
	return last, more, err
}

func (t *tx) placeEvents(ctx context.Context) (last int64, more bool, err error) {
	if err := t.one(ctx, func(r scanner) error { return r.Scan(&last) }, holdPositions); err != nil {
		return 0, false, err
	}
	counts := map[event.Hour]int64{}
	err = t.each(ctx, func(r scanner) error {
		var position, at int64
		var kind, reason string
		err := r.Scan(&position, &at, &kind, &reason)
		last, more = max(last, position), true
		counts[hourOf(at, kind, reason)]++
		return err
	}, placeEvents, last)
	if err == nil && more {
		err = t.countHours(ctx, counts)
	}
	if err == nil && more {
		_, err = t.exec(ctx, advancePositions, last)
	}
	return last, more, err
}

const (
	eventColumns query = `position, id, at, kind, session_id, identity_id, reason, actor`
	listedEvents query = `SELECT ` + eventColumns + ` FROM events WHERE position IS NOT NULL AND position > $1 AND position <= $2`
	eventPage    query = ` ORDER BY position LIMIT $6`
	newestEvents query = ` ORDER BY position DESC LIMIT $6`
)

// eventFilters are the parts of a filter, that which chooses the fewest first. The first that is used finds its index. The
// others are written so that they find none: an engine that knows nothing of the data might take theirs.
var eventFilters = []struct {
	value            func(event.Filter) string
	first, too, none query
}{
	{func(f event.Filter) string { return f.SessionID }, ` AND session_id = $3`, "", ` AND CAST($3 AS TEXT) = ''`},
	{func(f event.Filter) string { return f.IdentityID }, ` AND identity_id = $4`, ` AND identity_id || '' = $4`, ` AND CAST($4 AS TEXT) = ''`},
	{func(f event.Filter) string { return f.Kind }, ` AND kind = $5`, ` AND kind || '' = $5`, ` AND CAST($5 AS TEXT) = ''`},
}

func listEvents(f event.Filter) query {
	q, found := listedEvents, false
	for _, part := range eventFilters {
		switch {
		case part.value(f) == "":
			q += part.none
		case found:
			q += part.too
		default:
			q += part.first
			found = true
		}
	}
	if f.Newest {
		return q + newestEvents
	}
	return q + eventPage
}

// Events implements event.Store.
func (s *Store) Events(ctx context.Context, after, upTo int64, limit int, f event.Filter) (all []event.Event, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			e, err := scanEvent(r)
			all = append(all, e)
			return err
		}, listEvents(f), after, upTo, f.SessionID, f.IdentityID, f.Kind, limit)
	})
	return all, err
}

func scanEvent(r scanner) (e event.Event, err error) {
	var at int64
	err = r.Scan(&e.Position, &e.ID, &at, &e.Kind, &e.SessionID, &e.IdentityID, &e.Reason, &e.Actor)
	e.At = moment(at)
	return e, err
}

// Committed implements event.Store.
func (s *Store) Committed() <-chan struct{} { return s.bell.next() }

// bell wakes whoever waits for the next commit with events. When nobody does, ringing it costs one look.
type bell struct{ waited atomic.Pointer[chan struct{}] }

func (b *bell) next() <-chan struct{} {
	for {
		if c := b.waited.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		if b.waited.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

func (b *bell) ring() {
	if b.waited.Load() == nil {
		return
	}
	if c := b.waited.Swap(nil); c != nil {
		close(*c)
	}
}
