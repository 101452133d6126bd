package store

import (
	"context"
	"log/slog"
	"time"
)

// Collector removes what has served its purpose: sessions some time after their original expiry, flows after theirs,
// events after their retention, and deliveries a day after they have arrived, or else with the events. It works in batches, each a short transaction of its own, and any number of nodes
// may run one at the same time.
type Collector struct {
	Store     *Store
	Log       *slog.Logger
	Interval  time.Duration // between rounds
	Batch     int           // rows for each statement
	Margin    time.Duration // how long a session's row outlives its expiry, so that a sign-out stays known
	Retention time.Duration // how long events are kept, deliveries that did not arrive, and hooks that nobody has configured
}

const (
	collectSessions query = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	collectFlows    query = `DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`

	// Placed events are nearly in the order of time: the first of them are looked at, and those that are due removed.
	collectEvents   query = `DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id, at FROM events WHERE position IS NOT NULL ORDER BY position LIMIT $2) AS first WHERE at < $1)`
	collectUnplaced query = `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE position IS NULL AND at < $1 ORDER BY at LIMIT $2)`

	collectDelivered  query = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = 'delivered' AND changed_at < $1 ORDER BY changed_at LIMIT $2)`
	collectDeliveries query = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE changed_at < $1 ORDER BY changed_at LIMIT $2)`
	collectHooks      query = `DELETE FROM hooks WHERE name IN (SELECT name FROM hooks WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)`
)

// flowMargin is how long an expired flow is kept, so that whoever submits it is told, and given a new one.
const flowMargin = time.Hour

// deliveredMargin is how long administrators can look up a delivery that has arrived.
const deliveredMargin = 24 * time.Hour

// Run collects until ctx ends.
func (c *Collector) Run(ctx context.Context) {
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		if _, err := c.Collect(ctx, time.Now()); err != nil && ctx.Err() == nil {
			c.Log.Warn("collecting failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Collect removes everything that is due at now and returns how many rows went.
func (c *Collector) Collect(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for _, due := range []struct {
		remove query
		before time.Time
	}{
		{collectSessions, now.Add(-c.Margin)},
		{collectFlows, now.Add(-flowMargin)},
		{collectEvents, now.Add(-c.Retention)},
		{collectUnplaced, now.Add(-c.Retention)},
		{collectDelivered, now.Add(-deliveredMargin)},
		{collectDeliveries, now.Add(-c.Retention)},
		{collectHooks, now.Add(-c.Retention)},
	} {
		n, err := c.collect(ctx, due.remove, due.before)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (c *Collector) collect(ctx context.Context, remove query, before time.Time) (total int64, err error) {
	for {
		var n int64
		err = c.Store.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
			n, err = t.exec(ctx, remove, micros(before), c.Batch)
			return err
		})
		total += n
		if err != nil || n < int64(c.Batch) {
			return total, err
		}
	}
}
