package store

import (
	"context"
	"log/slog"
	"time"
)

// Collector ends sessions whose time has run out, and removes what has served its purpose: sessions some time after their
// expiry, flows and codes after theirs, events after their retention, and deliveries a day after they have arrived, or
// else with the events. It works in batches, each a short transaction of its own, and any number of nodes may run one at
// the same time.
type Collector struct {
	Store     *Store
	Log       *slog.Logger
	Interval  time.Duration // between rounds
	Batch     int           // rows for each statement, at most
	Margin    time.Duration // how long a session's row outlives its expiry, so that a sign-out stays known
	Retention time.Duration // how long events are kept, deliveries that did not arrive, and hooks that nobody has configured, a day at least
}

// Sessions that are due are looked at in the order in which they became so. Each is then ended, put off until there is something
// to do, or removed, so that no look finds one twice. $1 is how long after its expiry a session that has ended is due, $2 the
// moment, $3 how many are looked at.
const (
	areDue query = `id IN (SELECT id FROM sessions WHERE due_at < $2 ORDER BY due_at LIMIT $3)`

	nextDue        query = `CASE WHEN ended_at IS NULL THEN expires_at ELSE expires_at + $1 END`
	putOffSessions query = `UPDATE sessions SET due_at = ` + nextDue + ` WHERE ` + nextDue + ` >= $2 AND ` + areDue

	collectSessions query = `
DELETE FROM sessions WHERE ended_at IS NOT NULL AND expires_at + $1 < $2 AND ` + areDue
)

// Sessions that ran out without anybody ending them are ended, so that every end has its event and its reason. That happens a
// little later than by this node's clock: another's may be behind.
var endExpired = newChange(`
UPDATE sessions SET ended_at = expires_at, end_reason = 'expired', ended_by = 'policy', due_at = expires_at + $1
 WHERE ended_at IS NULL AND expires_at < $2 AND ` + areDue + `
RETURNING id, identity_id, token_hash, 'session_ended' AS kind, ended_at AS at, end_reason AS reason, ended_by AS actor`)

const (
	collectFlows     query = `DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	collectExchanges query = `
DELETE FROM exchanges WHERE init_hash IN (SELECT init_hash FROM exchanges WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	collectCodes query = `
DELETE FROM used_codes WHERE expires_at < $1 AND code_hash IN (SELECT code_hash FROM used_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	collectTries query = `DELETE FROM tries WHERE subject IN (SELECT subject FROM tries WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`

	// Placed events are nearly in the order of time: the first of them are looked at, and those that are due removed.
	collectEvents   query = `DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id, at FROM events WHERE position IS NOT NULL ORDER BY position LIMIT $2) AS first WHERE at < $1)`
	collectUnplaced query = `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE position IS NULL AND at < $1 ORDER BY at LIMIT $2)`

	collectDelivered  query = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state = 'delivered' AND changed_at < $1 ORDER BY changed_at LIMIT $2)`
	collectDeliveries query = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE changed_at < $1 ORDER BY changed_at LIMIT $2)`
	collectHours      query = `DELETE FROM event_hours WHERE hour IN (SELECT hour FROM event_hours WHERE hour < $1 ORDER BY hour LIMIT $2)`
	collectVisits     query = `DELETE FROM ended_visits WHERE id IN (SELECT id FROM ended_visits WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	collectHooks      query = `DELETE FROM hooks WHERE name IN (SELECT name FROM hooks WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)`
)

const (
	flowMargin  = time.Hour      // how long an expired flow is kept, so that whoever submits it is told, and given a new one
	clockMargin = time.Minute    // how far the clocks of nodes may be apart
	hookMargin  = 24 * time.Hour // how long a hook is known that no node has named: each does so once an hour, while it reaches the database
)

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

// Collect ends what has expired, removes everything that is due at now, and returns how many rows it went through.
func (c *Collector) Collect(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for _, due := range []struct {
		before time.Time
		batch  batch
	}{
		{now.Add(-clockMargin), c.sessions},
		{now.Add(-flowMargin), remove("flows", collectFlows)},
		{now, remove("exchanges", collectExchanges)},
		{now.Add(-clockMargin), remove("used_codes", collectCodes)},
		{now, remove("tries", collectTries)},
		{now.Add(-c.Retention), remove("events", collectEvents)},
		{now.Add(-c.Retention), remove("events", collectUnplaced)},
		{now.Add(-c.Retention), remove("event_hours", collectHours)},
		{now.Add(-clockMargin), remove("ended_visits", collectVisits)},
		{now.Add(-deliveredMargin), remove("deliveries", collectDelivered)},
		{now.Add(-c.Retention), remove("deliveries", collectDeliveries)},
		{now.Add(-max(c.Retention, hookMargin)), remove("hooks", collectHooks)},
	} {
		n, err := c.drain(ctx, due.before, due.batch)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// drain works through what is due, batch by batch. What a batch takes, everybody else may have to wait for, so batches
// shrink and grow to take a moment each, and between two of them the database is left to others for as long again.
func (c *Collector) drain(ctx context.Context, before time.Time, batch batch) (total int64, err error) {
	size := min(firstBatch, c.Batch)
	for {
		var all []collected
		var took, aim time.Duration
		begun := time.Now()
		err = c.Store.write(ctx, manner{idempotent: true}, func(ctx context.Context, t *tx) error {
			begun := time.Now()
			all, err = batch(ctx, t, before, size)
			took, aim = time.Since(begun), t.dialect.batch
			return err
		})
		if err != nil {
			return total, err
		}
		var n int64
		for _, one := range all {
			n += one.n
			c.Store.meter.Collected(one.what, one.n)
		}
		total += n
		if n < int64(size) {
			return total, nil
		}
		if took > aim {
			size = max(size/2, 1)
		} else if took < aim/2 {
			size = min(size*2, c.Batch)
		}
		select {
		case <-ctx.Done():
			return total, ctx.Err()
		case <-time.After(time.Since(begun)):
		}
	}
}

// batch works through some rows that were due before a moment, at most size, and says what it has done. Fewer than size
// rows in all means that no more are due.
type batch func(ctx context.Context, t *tx, before time.Time, size int) ([]collected, error)

// collected is how many rows met with something.
type collected struct {
	what string
	n    int64
}

const firstBatch = 16 // rows

// sessions ends, puts off or removes sessions. One that is ended and removed at once counts twice.
func (c *Collector) sessions(ctx context.Context, t *tx, before time.Time, size int) ([]collected, error) {
	args := []any{(c.Margin - clockMargin).Microseconds(), micros(before), size}
	ended, err := t.change(ctx, endExpired, args...)
	if err != nil {
		return nil, err
	}
	putOff, err := t.exec(ctx, putOffSessions, args...)
	if err != nil {
		return nil, err
	}
	removed, err := t.exec(ctx, collectSessions, args...)
	return []collected{{"sessions_ended", int64(len(ended))}, {"sessions_put_off", putOff}, {"sessions", removed}}, err
}

func remove(what string, q query) batch {
	return func(ctx context.Context, t *tx, before time.Time, size int) ([]collected, error) {
		n, err := t.exec(ctx, q, micros(before), size)
		return []collected{{what, n}}, err
	}
}
