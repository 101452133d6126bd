package store

import (
	"context"

	"exeunt/internal/flow"
)

const (
	insertFlow query = `INSERT INTO flows (id, kind, expires_at, document) VALUES ($1, $2, $3, $4)`
	flowByID   query = `SELECT document FROM flows WHERE id = $1 AND kind = $2`
	updateFlow query = `UPDATE flows SET document = $2 WHERE id = $1`
)

// InsertFlow implements flow.Store.
func (s *Store) InsertFlow(ctx context.Context, f *flow.Flow) error {
	return s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, insertFlow, f.ID.String(), string(f.Kind), micros(f.ExpiresAt), document(newFlowDoc(f)))
		return err
	})
}

// Flow implements flow.Store.
func (s *Store) Flow(ctx context.Context, kind flow.Kind, id flow.ID) (*flow.Flow, error) {
	var text string
	err := s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&text) }, flowByID, id.String(), string(kind))
	})
	if err != nil {
		return nil, noRows(err, flow.ErrNotFound)
	}
	var doc flowDoc
	if err := parseGiven(text, &doc); err != nil {
		return nil, err
	}
	return doc.flow(kind, id)
}

// UpdateFlow implements flow.Store.
func (s *Store) UpdateFlow(ctx context.Context, f *flow.Flow) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, updateFlow, f.ID.String(), document(newFlowDoc(f)))
		return err
	})
}
