package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/identity"
)

// A new hook begins where the positions end, and with the time from which on events are for it: what has happened before
// may be without a position yet.
const registerHook query = `
INSERT INTO hooks (name, position, since, seen_at)
SELECT CAST($1 AS TEXT), last, CAST($2 AS BIGINT), CAST($2 AS BIGINT) FROM event_positions WHERE id = 1
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`

// RegisterHook implements courier.Store.
func (s *Store) RegisterHook(ctx context.Context, hook string, now time.Time) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, registerHook, hook, micros(now))
		return err
	})
}

const (
	unseenEvents query = `
SELECT 1 FROM hooks h WHERE h.name = $1 AND EXISTS (SELECT 1 FROM events e WHERE e.position IS NOT NULL AND e.position > h.position)`

	holdHook query = `SELECT position, since FROM hooks WHERE name = $1 FOR_UPDATE`

	nextEvents query = `
SELECT COALESCE(MAX(position), $1)
  FROM (SELECT position FROM events WHERE position IS NOT NULL AND position > $1 ORDER BY position LIMIT 500) AS earliest`

	// Who comes behind a delivery that is put off is put off with it, so that looking for what is due seldom meets what
	// has to wait for others.
	queueDeliveries query = `
INSERT INTO deliveries (id, hook, line, position, event_id, at, kind, session_id, identity_id, reason, actor, state,
                        changed_at, due_at, leased_until, attempts, tried_at, problem)
SELECT CAST($2 AS TEXT) || '.' || e.id, $2, e.line, e.position, e.id, e.at, e.kind, e.session_id, e.identity_id, e.reason,
       e.actor, 'waiting', CAST($3 AS BIGINT),
       COALESCE((SELECT MAX(d.due_at) FROM deliveries d WHERE d.hook = $2 AND d.line = e.line AND d.state = 'waiting'), $3),
       0, 0, 0, ''
  FROM (SELECT position, id, at, kind, session_id, identity_id, reason, actor,
               CASE WHEN session_id = '' THEN identity_id ELSE session_id END AS line
          FROM events
         WHERE position IS NOT NULL AND position > $4 AND position <= $5 AND at >= $6 AND kind IN ANY_OF($1)) AS e`

	advanceHook query = `UPDATE hooks SET position = $2 WHERE name = $1`
)

// QueueDeliveries implements courier.Store. The hook's row is held until the commit, and its position moves in the same
// transaction that writes the deliveries.
func (s *Store) QueueDeliveries(ctx context.Context, hook string, kinds []string, now time.Time) (made int, more bool, err error) {
	found := 0
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&found) }, unseenEvents, hook)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	err = s.write(ctx, manner{idempotent: true}, func(ctx context.Context, t *tx) error {
		made, err = t.queueDeliveries(ctx, hook, kinds, now)
		return err
	})
	return made, true, err
}

func (t *tx) queueDeliveries(ctx context.Context, hook string, kinds []string, now time.Time) (int, error) {
	var position, since, through int64
	err := t.one(ctx, func(r scanner) error { return r.Scan(&position, &since) }, holdHook, hook)
	if err != nil {
		return 0, err
	}
	if err := t.one(ctx, func(r scanner) error { return r.Scan(&through) }, nextEvents, position); err != nil {
		return 0, err
	}
	wanted, _ := json.Marshal(kinds) // strings cannot fail
	made, err := t.exec(ctx, queueDeliveries, string(wanted), hook, micros(now), position, through, since)
	if err == nil {
		_, err = t.exec(ctx, advanceHook, hook, through)
	}
	return int(made), err
}

const (
	// Only the first that waits of each line may be sent.
	dueDeliveries query = `
SELECT d.id FROM deliveries d
 WHERE d.hook = $1 AND d.state = 'waiting' AND d.due_at <= $2 AND d.leased_until <= $2
   AND NOT EXISTS (SELECT 1 FROM deliveries e
                    WHERE e.hook = d.hook AND e.line = d.line AND e.state = 'waiting' AND e.position < d.position)
 ORDER BY d.due_at, d.position LIMIT $3`

	claimDeliveries query = `
UPDATE deliveries SET leased_until = $3, attempts = attempts + 1, tried_at = $2
 WHERE id IN ANY_OF($1) AND state = 'waiting' AND due_at <= $2 AND leased_until <= $2
RETURNING ` + deliveryColumns

	deliveryColumns query = `id, hook, state, changed_at, due_at, leased_until, attempts, tried_at, problem,
       position, event_id, at, kind, session_id, identity_id, reason, actor`
)

// ClaimDeliveries implements courier.Store.
func (s *Store) ClaimDeliveries(ctx context.Context, hook string, now, lease time.Time, limit int) (claimed []*courier.Delivery, err error) {
	var ids []string
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		ids = nil
		return t.each(ctx, func(r scanner) error {
			var id string
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		}, dueDeliveries, hook, micros(now), limit)
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	list, _ := json.Marshal(ids) // strings cannot fail
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		claimed, err = t.deliveries(ctx, claimDeliveries, string(list), micros(now), micros(lease))
		return err
	})
	return claimed, err
}

func (t *tx) deliveries(ctx context.Context, q query, args ...any) (all []*courier.Delivery, err error) {
	err = t.each(ctx, func(r scanner) error {
		var d courier.Delivery
		var changed, due, leased, tried, at int64
		err := r.Scan(&d.ID, &d.Hook, &d.State, &changed, &due, &leased, &d.Attempts, &tried, &d.Problem,
			&d.Event.Position, &d.Event.ID, &at, &d.Event.Kind, &d.Event.SessionID, &d.Event.IdentityID, &d.Event.Reason, &d.Event.Actor)
		d.ChangedAt, d.DueAt, d.LeasedUntil, d.TriedAt, d.Event.At = moment(changed), moment(due), moment(leased), moment(tried), moment(at)
		all = append(all, &d)
		return err
	}, q, args...)
	return all, err
}

// An arrival counts even when the lease has gone to somebody else meanwhile, who will then send it once more.
const markDelivered query = `
UPDATE deliveries SET state = 'delivered', changed_at = $2, leased_until = 0, problem = '' WHERE id = $1 AND state <> 'delivered'`

// MarkDelivered implements courier.Store.
func (s *Store) MarkDelivered(ctx context.Context, d *courier.Delivery, now time.Time) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, markDelivered, d.ID, micros(now))
		return err
	})
}

const (
	markFailed query = `
UPDATE deliveries SET leased_until = 0, due_at = $3, problem = $4 WHERE id = $1 AND state = 'waiting' AND leased_until = $2
RETURNING line`

	putOffLine query = `UPDATE deliveries SET due_at = $3 WHERE hook = $1 AND line = $2 AND state = 'waiting' AND due_at < $3`

	markDead query = `
UPDATE deliveries SET state = 'dead', changed_at = $3, leased_until = 0, problem = $4
 WHERE id = $1 AND state = 'waiting' AND leased_until = $2`
)

// MarkFailed implements courier.Store.
func (s *Store) MarkFailed(ctx context.Context, d *courier.Delivery, problem string, due time.Time) error {
	return s.write(ctx, manner{idempotent: true}, func(ctx context.Context, t *tx) error {
		var line string
		err := t.one(ctx, func(r scanner) error { return r.Scan(&line) }, markFailed, d.ID, micros(d.LeasedUntil), micros(due), problem)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			_, err = t.exec(ctx, putOffLine, d.Hook, line, micros(due))
		}
		return err
	})
}

// MarkDead implements courier.Store.
func (s *Store) MarkDead(ctx context.Context, d *courier.Delivery, problem string, now time.Time) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, markDead, d.ID, micros(d.LeasedUntil), micros(now), problem)
		return err
	})
}

const deliveryByID query = `SELECT ` + deliveryColumns + ` FROM deliveries WHERE id = $1`

// Delivery implements courier.Store.
func (s *Store) Delivery(ctx context.Context, id string) (*courier.Delivery, error) {
	if unstorable(id) {
		return nil, courier.ErrNotFound
	}
	var found []*courier.Delivery
	err := s.read(ctx, func(ctx context.Context, t *tx) (err error) {
		found, err = t.deliveries(ctx, deliveryByID, id)
		return err
	})
	if err == nil && len(found) == 0 {
		return nil, courier.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

const reviveDelivery query = `
UPDATE deliveries SET state = 'waiting', changed_at = $2, due_at = $2, leased_until = 0, attempts = 0 WHERE id = $1 AND state = 'dead'`

const deliveryRetried = "delivery_retried" // the kind of an event; its reason is the id of the delivery

// ReviveDelivery implements courier.Store.
func (s *Store) ReviveDelivery(ctx context.Context, id string, now time.Time) error {
	return s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, reviveDelivery, id, micros(now))
		if err != nil || n == 0 {
			return err
		}
		return t.event(ctx, eventRow{at: micros(now), kind: deliveryRetried, reason: id, actor: identity.AdminIn(ctx)})
	})
}

const (
	ofState          query = ` WHERE state = $1`
	ofAnyState       query = ` WHERE CAST($1 AS TEXT) = ''`
	deliveryPage     query = ` AND (changed_at < $2 OR (changed_at = $2 AND id > $3)) ORDER BY changed_at DESC, id LIMIT $4`
	allDeliveries    query = `SELECT ` + deliveryColumns + ` FROM deliveries`
	listDeliveries         = allDeliveries + ofAnyState + deliveryPage
	listDeliveriesOf       = allDeliveries + ofState + deliveryPage
)

// ListDeliveries implements courier.Store.
func (s *Store) ListDeliveries(ctx context.Context, f courier.Filter) (all []*courier.Delivery, err error) {
	q, after, afterID := listDeliveries, int64(math.MaxInt64), ""
	if f.State != "" {
		q = listDeliveriesOf
	}
	if !f.AfterChanged.IsZero() {
		after, afterID = micros(f.AfterChanged), f.AfterID
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) (err error) {
		all, err = t.deliveries(ctx, q, string(f.State), after, afterID, f.Limit)
		return err
	})
	return all, err
}

const countDeliveries query = `SELECT state, COUNT(*) FROM deliveries WHERE state IN ('waiting', 'dead') GROUP BY state`

// CountDeliveries implements courier.Store.
func (s *Store) CountDeliveries(ctx context.Context) (waiting, dead int, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.each(ctx, func(r scanner) error {
			var state courier.State
			var n int
			err := r.Scan(&state, &n)
			if state == courier.Waiting {
				waiting = n
			} else {
				dead = n
			}
			return err
		}, countDeliveries)
	})
	return waiting, dead, err
}
