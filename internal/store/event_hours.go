package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"exeunt/internal/event"
)

const (
	addToHour query = `
INSERT INTO event_hours (hour, kind, reason, count) VALUES ($1, $2, $3, $4)
    ON CONFLICT (hour, kind, reason) DO UPDATE SET count = event_hours.count + excluded.count`

	eventHours query = `SELECT hour, kind, reason, count FROM event_hours WHERE hour >= $1 ORDER BY hour, kind, reason`
)

const hour = int64(time.Hour / time.Microsecond)

// hourOf is what an event counts for.
func hourOf(at int64, kind, reason string) event.Hour {
	if kind != sessionEnded {
		reason = ""
	}
	return event.Hour{At: moment(at - at%hour), Kind: kind, Reason: reason}
}

// countHours adds to what is counted. Whoever places events holds the row of positions, and so nobody else counts.
func (t *tx) countHours(ctx context.Context, counts map[event.Hour]int64) error {
	order := func(a, b event.Hour) int { return a.At.Compare(b.At) }
	for _, h := range slices.SortedFunc(maps.Keys(counts), order) {
		if _, err := t.exec(ctx, addToHour, micros(h.At), h.Kind, h.Reason, counts[h]); err != nil {
			return err
		}
	}
	return nil
}

// Hours implements event.Store.
func (s *Store) Hours(ctx context.Context, since time.Time) (all []event.Hour, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			var at int64
			var h event.Hour
			err := r.Scan(&at, &h.Kind, &h.Reason, &h.Count)
			h.At = moment(at)
			all = append(all, h)
			return err
		}, eventHours, micros(since))
	})
	return all, err
}
