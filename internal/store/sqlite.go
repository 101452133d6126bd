package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/turn"
)

// sqliteEngine owns one database file: all writes go through one writer, session checks are answered from the table of
// live sessions.
type sqliteEngine struct {
	dialect  *dialect
	reads    *sql.DB
	prepared *preparing // on reads
	writes   *sql.DB
	writer   *writer
	live     *liveTable
	known    *knownTokens
	keys     keyMemory
	meter    Meter
	lock     *os.File

	background sync.WaitGroup
	stop       context.CancelFunc // of what runs in the background

	scratch string // a directory to remove at the end, for a database that is meant to vanish
}

// sqliteDialect has a change of sessions that fails leave what it has done so far: to be able to take it back, SQLite would copy
// every page that it changes once more, a third of the work. The writer takes back all that a failed write has done.
func sqliteDialect() *dialect {
	return &dialect{batch: time.Millisecond, flights: 1, words: strings.NewReplacer("UPDATE sessions SET", "UPDATE OR FAIL sessions SET", "FOR_SHARE", "", "FOR_UPDATE", "", "LEAST(", "MIN(", "GREATEST(", "MAX(",
		"ANY_OF($1)", "(SELECT value FROM json_each($1))", "ANY_OF($2)", "(SELECT value FROM json_each($2))",
		"JSON_ROW(", "json_array(", "JSON_ROWS($1)", "json_each($1)", "COLUMNS_OF($1)", "(SELECT name, type FROM pragma_table_info($1))")}
}

// openSQLite opens, and makes if needed, the database file at path.
func openSQLite(path string, o Options) (*sqliteEngine, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the database: %w", err)
	}
	path, err := ownFile(path)
	if err != nil {
		return nil, fmt.Errorf("preparing the file of the database: %w", err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	e := &sqliteEngine{dialect: sqliteDialect(), live: newLiveTable(o.CacheBytes / 16 * 15), known: newKnownTokens(o.CacheBytes / 16), meter: o.Meter, lock: lock}
	turns := turn.New(0) // a statement waits for those whose requests have arrived already, as all share a commit
	e.dialect.gather = func() { turns.Wait(context.Background()) }
	if err := e.connect(path); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// ownFile makes the database file if there is none, for its owner alone before SQLite writes to it, as the files that
// SQLite puts beside it get the same mode. It returns the path behind symbolic links, so that every name of the file
// meets the same lock.
func ownFile(path string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return "", err
		}
		f.Close()
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func (e *sqliteEngine) connect(path string) (err error) {
	// synchronous=FULL makes every commit durable before it is answered; WAL keeps reads out of the writer's way.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	if e.writes, err = sql.Open("sqlite", dsn+"&_pragma=cache_size(-8192)"); err != nil {
		return err
	}
	e.writes.SetMaxOpenConns(1)
	if err := e.writes.Ping(); err != nil {
		return fmt.Errorf("opening the database %s: %w", path, err)
	}
	if e.reads, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)&_pragma=cache_size(-2048)"); err != nil {
		return err
	}
	e.prepared = &preparing{on: e.reads}
	e.reads.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	e.reads.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	return nil
}

// ErrLocked means that another process has the database file open.
var ErrLocked = errors.New("the database is in use by another exeunt process")

// lockFile makes sure that one process owns the database: two would not see each other's sign-outs at once.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the database: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s. Stop that process, or give this one a database of its own with dsn", ErrLocked, path)
	}
	return f, nil
}

// migrate runs once, when the database is opened, before the writer takes the only connection that writes.
func (e *sqliteEngine) migrate(ctx context.Context) error {
	if e.writer != nil {
		return nil
	}
	p, err := migrator(database.DialectSQLite3, e.writes)
	if err != nil {
		return err
	}
	if _, err := migrate(ctx, p); err != nil {
		return err
	}
	if e.writer, err = startWriter(e); err != nil {
		return err
	}
	learning, stop := context.WithCancel(context.Background())
	e.background.Go(func() { e.known.run(learning, e) })
	e.stop = stop
	return nil
}

func (e *sqliteEngine) migrated(context.Context) error { return nil } // open always migrates

func (e *sqliteEngine) write(ctx context.Context, _ manner, fn func(context.Context, *tx) error) error {
	return e.writer.do(ctx, fn)
}

func (e *sqliteEngine) read(ctx context.Context, fn func(context.Context, *tx) error) error {
	return sqliteFault(fn(ctx, &tx{run: e.prepared, dialect: e.dialect}))
}

func (e *sqliteEngine) sessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	key := token.Key()
	if s := e.live.ready.get(key); s != nil {
		return s, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.known.absent(token) {
		return nil, session.ErrNone
	}
	if s := e.live.unready(key); s != nil {
		return s, nil
	}
	defer func(start time.Time) { e.meter.StoreTook("check", time.Since(start)) }(time.Now())
	ticket := e.live.ticket(key)
	var found *session.Session
	// Watching for a caller who goes away would cost more than the read.
	err := e.read(context.WithoutCancel(ctx), func(ctx context.Context, t *tx) (err error) {
		found, err = t.sessionByToken(ctx, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	if found.End == nil && found.TokenUntil == nil {
		found.FoundBy = key
		e.live.fill(found, ticket)
	}
	return found, nil
}

// confirm has nothing to wait for: SQLite shows a commit after it was flushed, and after the table has let go of it.
func (e *sqliteEngine) confirm(context.Context) error { return nil }

const (
	probe   query = `INSERT INTO flows (id, kind, expires_at, document) VALUES ('probe', 'probe', 0, '{}')`
	unprobe query = `DELETE FROM flows WHERE id = 'probe'`
)

// ping fails when the database cannot be read, or cannot be written: after a commit has failed, a small write finds out
// whether it still would.
func (e *sqliteEngine) ping(ctx context.Context) error {
	if _, err := e.reads.ExecContext(ctx, `SELECT 1 FROM sessions LIMIT 1`); err != nil {
		return err
	}
	if !e.writer.failing.Load() {
		return nil
	}
	return e.writer.do(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.exec(ctx, probe); err != nil {
			return err
		}
		_, err := t.exec(ctx, unprobe)
		return err
	})
}

func (e *sqliteEngine) stats() Stats {
	s := e.reads.Stats()
	return Stats{Open: s.OpenConnections, InUse: s.InUse, Max: s.MaxOpenConnections, Waited: s.WaitCount, CachedSessions: e.live.len(), CachedBytes: e.live.shelf.taken()}
}

func (e *sqliteEngine) close() error {
	var errs []error
	if e.stop != nil {
		e.stop()
		e.background.Wait()
	}
	if e.writer != nil {
		errs = append(errs, e.writer.stop())
	}
	if e.prepared != nil {
		errs = append(errs, e.prepared.close())
	}
	for _, db := range []*sql.DB{e.reads, e.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	errs = append(errs, e.lock.Close())
	if e.scratch != "" {
		errs = append(errs, os.RemoveAll(e.scratch))
	}
	return errors.Join(errs...)
}

// sqliteFault says that the store is unavailable when SQLite's result code means so.
func sqliteFault(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return fault.ErrUnavailable.Because(err)
	}
	return err
}

// isUnique reports whether a statement failed because a unique value is taken, on either engine.
func isUnique(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return postgresCode(err) == "23505"
}

func (e *sqliteEngine) keyMemory() *keyMemory { return &e.keys }

func (e *sqliteEngine) speaks() *dialect { return e.dialect }
