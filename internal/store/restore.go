package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Failures of restoring that are the database's.
var (
	ErrNotEmpty = errors.New("the database has data already")
	ErrInUse    = errors.New("the database is in use")
)

// Restoration says how to restore.
type Restoration struct {
	Now          time.Time
	KeepSessions bool // leave live what was live in the backup, although it may have ended since
	Force        bool // in the place of the data that is there
}

// Restore fills the database with a backup, in one transaction: all of it, or nothing. Sessions that are live in the backup
// may have ended since it was taken, so they are ended, each with its event; ended is how many. The errors are ErrNoBackup,
// ErrDamaged, ErrNotEmpty and ErrInUse, or they say that the backup is newer than this program.
func (s *Store) Restore(ctx context.Context, from io.Reader, r Restoration) (b Backed, ended int, err error) {
	file, err := openBackup(from)
	if err != nil {
		return b, 0, err
	}
	b = Backed{TakenAt: file.taken(), Schema: file.head.Schema}
	newest, err := newestSchema()
	switch {
	case err != nil:
		return b, 0, err
	case b.Schema > newest:
		return b, 0, fmt.Errorf("the backup has schema %d, and this program knows %d: restore it with the version of exeunt that made it, or a newer one", b.Schema, newest)
	case b.Schema < newest:
		older, remove, err := modernized(ctx, file)
		defer remove()
		if err != nil {
			return b, 0, err
		}
		file = older
	}
	err = s.alone(ctx, func(ctx context.Context, t *tx) error {
		ended, err = t.restore(ctx, file, r)
		t.effects = []effect{{kind: everythingChanged}}
		return err
	})
	return b, ended, err
}

// alone runs fn in one transaction that may take as long as it takes, when nobody else uses the database.
func (s *Store) alone(ctx context.Context, fn func(context.Context, *tx) error) error {
	cancellable := func(inner context.Context, t *tx) error {
		inner, stop := context.WithCancelCause(inner)
		defer stop(nil)
		defer context.AfterFunc(ctx, func() { stop(context.Cause(ctx)) })()
		return fn(inner, t)
	}
	p, ok := s.engine.(*postgresEngine)
	if !ok {
		return s.engine.write(ctx, manner{}, cancellable)
	}
	if err := p.unused(ctx); err != nil {
		return err
	}
	_, err := p.transaction(ctx, fn)
	return err
}

const clients = `
SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = current_setting('application_name')`

// unused fails when other processes with the same address are connected.
func (e *postgresEngine) unused(ctx context.Context) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	others := 0
	err = conn.QueryRowContext(ctx, clients).Scan(&others)
	if own := e.stats().Open; err == nil && others > own {
		return fmt.Errorf("%w: %d other connections of exeunt are open. Stop the servers first", ErrInUse, others-own)
	}
	return err
}

const anyData query = `
SELECT EXISTS (SELECT 1 FROM identities) OR EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM events)`

func (t *tx) restore(ctx context.Context, b *backupReader, r Restoration) (ended int, err error) {
	full := false
	if err := t.one(ctx, func(r scanner) error { return r.Scan(&full) }, anyData); err != nil {
		return 0, err
	}
	if full && !r.Force {
		return 0, ErrNotEmpty
	}
	if err := t.fill(ctx, b); err != nil {
		return 0, err
	}
	if err := t.skipPositions(ctx, r.Now); err != nil || r.KeepSessions {
		return 0, err
	}
	return t.endAllRestored(ctx, r.Now)
}

// fill has the database hold a backup and nothing else.
func (t *tx) fill(ctx context.Context, b *backupReader) error {
	if err := t.clear(ctx); err != nil {
		return err
	}
	return t.load(ctx, b)
}

// clear empties all tables, those too that no backup holds.
func (t *tx) clear(ctx context.Context) error {
	for _, table := range append(slices.Clone(leftOut), reversed(keptTables)...) {
		columns, err := t.columns(ctx, table)
		if err == nil && len(columns) > 0 { // an older schema may not have it
			_, err = t.exec(ctx, query(`DELETE FROM `+table))
		}
		if err != nil {
			return fmt.Errorf("emptying the table %s: %w", table, err)
		}
	}
	return nil
}

func reversed(names []string) []string {
	names = slices.Clone(names)
	slices.Reverse(names)
	return names
}

// load fills the tables with what the rest of a backup holds.
func (t *tx) load(ctx context.Context, b *backupReader) error {
	into := &loader{t: t}
	for {
		row, line, err := b.next()
		switch {
		case errors.Is(err, io.EOF):
			return into.flush(ctx)
		case err != nil:
			return err
		case row != nil:
			err = into.add(ctx, row)
		default:
			err = into.begin(ctx, line)
		}
		if err != nil {
			return err
		}
	}
}

// loader puts rows into one table after the other, many with each statement.
type loader struct {
	t      *tx
	table  string
	insert query
	rows   []byte
	count  int
}

const (
	loadedRows  = 500     // in one statement
	loadedBytes = 1 << 20 // the same
)

// begin turns to another table. Only names that the database's catalog has get into a statement.
func (l *loader) begin(ctx context.Context, line backupLine) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	columns, err := l.t.columns(ctx, line.Table)
	if err != nil {
		return err
	}
	values := make([]string, len(line.Columns))
	for i, name := range line.Columns {
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return fmt.Errorf("%w: the table %s has no column %q", ErrDamaged, line.Table, name)
		}
		values[i] = fmt.Sprintf("CAST(value ->> %d AS %s)", i, columns[at].kind)
	}
	if len(values) != len(columns) {
		return fmt.Errorf("%w: the table %s has %d columns there, and should have %d", ErrDamaged, line.Table, len(values), len(columns))
	}
	l.table = line.Table
	l.insert = query(`INSERT INTO ` + line.Table + ` (` + strings.Join(line.Columns, ", ") + `) SELECT ` + strings.Join(values, ", ") + ` FROM JSON_ROWS($1)`)
	return nil
}

func (l *loader) add(ctx context.Context, row []byte) error {
	if l.table == "" {
		return fmt.Errorf("%w: a row belongs to no table", ErrDamaged)
	}
	l.rows = append(append(l.rows, ','), row...)
	if l.count++; l.count < loadedRows && len(l.rows) < loadedBytes {
		return nil
	}
	return l.flush(ctx)
}

func (l *loader) flush(ctx context.Context) error {
	if l.count == 0 {
		return nil
	}
	l.rows[0] = '['
	n, err := l.t.exec(ctx, l.insert, string(l.rows)+"]")
	if err == nil && n != int64(l.count) {
		err = ErrDamaged
	}
	if err != nil {
		return fmt.Errorf("filling the table %s: %w", l.table, err)
	}
	l.rows, l.count = l.rows[:0], 0
	return nil
}

// Whoever follows the events has read to a position that a restored database may not have reached yet. Those to come are
// beyond all that were ever given: there are fewer of them than microseconds.
const skipPositions query = `UPDATE event_positions SET last = GREATEST(last, $1) WHERE id = 1`

func (t *tx) skipPositions(ctx context.Context, now time.Time) error {
	n, err := t.exec(ctx, skipPositions, micros(now))
	if err == nil && n != 1 {
		err = ErrDamaged
	}
	return err
}
