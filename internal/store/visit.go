package store

import (
	"context"
	"time"

	"exeunt/internal/admin"
)

const (
	endVisit   query = `INSERT INTO ended_visits (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`
	endedVisit query = `SELECT id FROM ended_visits WHERE id = $1`
)

// The kinds of events of visits of the console.
const (
	visitStarted = "visit_started"
	visitEnded   = "visit_ended"
)

// StartVisit implements admin.Store.
func (s *Store) StartVisit(ctx context.Context, v admin.Visit, now time.Time) error {
	return s.write(ctx, manner{}, func(ctx context.Context, t *tx) error { return t.visit(ctx, visitStarted, v, now) })
}

// EndVisit implements admin.Store.
func (s *Store) EndVisit(ctx context.Context, v admin.Visit, now time.Time) error {
	fresh := false
	err := s.write(ctx, manner{idempotent: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, endVisit, v.ID, micros(v.Expires))
		if fresh = n > 0; !fresh || err != nil {
			return err
		}
		return t.visit(ctx, visitEnded, v, now)
	})
	if err != nil || fresh {
		return err
	}
	return s.Confirm(ctx)
}

// visit writes the event of a visit.
func (t *tx) visit(ctx context.Context, kind string, v admin.Visit, now time.Time) error {
	if v.Actor == "" {
		return nil
	}
	return t.event(ctx, eventRow{at: micros(now), kind: kind, session: v.Session, identity: v.Identity, actor: v.Actor})
}

// VisitEnded implements admin.Store.
func (s *Store) VisitEnded(ctx context.Context, id string) (bool, error) {
	return s.has(ctx, endedVisit, id)
}
