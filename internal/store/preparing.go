package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// preparing keeps statements prepared, so that SQLite reads each text once and not every time. The texts are constants, so
// there are few. It is safe for concurrent use when what it prepares on is.
type preparing struct {
	on interface {
		PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
	}
	stmts sync.Map
}

func (p *preparing) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := p.stmts.Load(text); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := p.on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if first, loaded := p.stmts.LoadOrStore(text, s); loaded {
		_ = s.Close() // somebody else was faster; nothing runs on this one
		return first.(*sql.Stmt), nil
	}
	return s, nil
}

// close gives up all statements. Nothing may run on them any more. A connection of SQLite stays open, with its files, until
// the last of its statements is closed, and nobody else closes those of a single connection.
func (p *preparing) close() error {
	var errs []error
	p.stmts.Range(func(_, s any) bool {
		errs = append(errs, s.(*sql.Stmt).Close())
		return true
	})
	return errors.Join(errs...)
}

// ExecContext implements runner.
func (p *preparing) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := p.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements runner.
func (p *preparing) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := p.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}
