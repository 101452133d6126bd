package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"exeunt/internal/fault"
	"exeunt/internal/session"
)

// postgresEngine is one node's connections to a PostgreSQL database that any number of nodes share. It keeps nothing
// that decides whether a session is valid.
type postgresEngine struct {
	dialect *dialect
	pool    *pgxpool.Pool
	db      *sql.DB // the same pool, for database/sql
	lookups *lookups
	meter   Meter
}

const (
	patience    = 5 * time.Second // how long one attempt may take before the store counts as unavailable
	maxAttempts = 6
)

func postgresDialect() *dialect {
	return &dialect{noted: true, words: strings.NewReplacer("FOR_SHARE", "FOR SHARE OF i",
		"ANY_OF($1)", "(SELECT jsonb_array_elements_text(CAST($1 AS JSONB)))",
		"ANY_OF($2)", "(SELECT jsonb_array_elements_text(CAST($2 AS JSONB)))")}
}

// openPostgres prepares the connections; the database may be down, and is then waited for by those who need it.
func openPostgres(dsn string, o Options) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("dsn: this is not a PostgreSQL address that can be read; it looks like postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	// A standby would answer with sessions that have already ended on the primary.
	cfg.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	cfg.ConnConfig.ConnectTimeout = patience
	cfg.AfterConnect = insistOnDurability
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "exeunt"
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connections to PostgreSQL: %w", err)
	}
	e := &postgresEngine{dialect: postgresDialect(), pool: pool, db: stdlib.OpenDBFromPool(pool), meter: o.Meter}
	e.db.SetMaxIdleConns(0) // idle connections belong to the pool underneath
	e.lookups = newLookups(e)
	return e, nil
}

// insistOnDurability keeps a server-wide synchronous_commit that is too weak from undoing answered sign-outs.
func insistOnDurability(ctx context.Context, c *pgx.Conn) error {
	var level string
	if err := c.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&level); err != nil {
		return err
	}
	if level == "on" || level == "remote_apply" {
		return nil
	}
	_, err := c.Exec(ctx, `SET synchronous_commit TO on`)
	return err
}

func (e *postgresEngine) provider() (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // ask every second for five minutes
	if err != nil {
		return nil, err
	}
	return migrator(database.DialectPostgres, e.db, goose.WithSessionLocker(locker))
}

func (e *postgresEngine) migrate(ctx context.Context) error {
	p, err := e.provider()
	if err != nil {
		return err
	}
	return migrate(ctx, p)
}

func (e *postgresEngine) migrated(ctx context.Context) error {
	p, err := e.provider()
	if err != nil {
		return err
	}
	return migrated(ctx, p)
}

func (e *postgresEngine) read(ctx context.Context, fn func(context.Context, *tx) error) error {
	return e.try(ctx, true, func(ctx context.Context) error {
		return fn(ctx, &tx{run: e.db, dialect: e.dialect})
	})
}

func (e *postgresEngine) write(ctx context.Context, how manner, fn func(context.Context, *tx) error) error {
	var t *tx
	err := e.try(ctx, how.idempotent, func(ctx context.Context) (err error) {
		if how.single {
			t = &tx{run: e.db, dialect: e.dialect}
			return fn(ctx, t)
		}
		t, err = e.transaction(ctx, fn)
		return err
	})
	if err == nil {
		count(e.meter, t.effects)
	}
	return err
}

func (e *postgresEngine) transaction(ctx context.Context, fn func(context.Context, *tx) error) (*tx, error) {
	begun, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	t := &tx{run: begun, dialect: e.dialect}
	if err := fn(ctx, t); err != nil {
		return nil, errors.Join(err, ignoreDone(begun.Rollback()))
	}
	return t, begun.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// try runs an attempt, again if that is safe: after a serialization failure or deadlock always, as nothing was done;
// after a lost connection only if nothing was sent, or if doing it twice is harmless.
func (e *postgresEngine) try(ctx context.Context, harmless bool, attempt func(context.Context) error) error {
	for n := 1; ; n++ {
		bounded, cancel := context.WithTimeout(ctx, patience)
		err := attempt(bounded)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		conflict, down := conflicting(err), unreachable(err)
		late := pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) // the caller has waited long enough
		again := conflict || (down && !late && (harmless || pgconn.SafeToRetry(err)))
		if n == maxAttempts || !again {
			if conflict || down {
				return fault.ErrUnavailable.Because(err)
			}
			return err
		}
		if pause(ctx, n) != nil {
			return ctx.Err()
		}
	}
}

// pause waits a little, longer each time, at random so that those who collided do not meet again.
func pause(ctx context.Context, n int) error {
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(n * 20 * int(time.Millisecond))))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// conflicting reports a serialization failure or a deadlock: the transaction was rolled back and may be tried again.
func conflicting(err error) bool {
	code := postgresCode(err)
	return code == "40001" || code == "40P01"
}

// unreachable reports whether err means that the database, rather than the request, is in trouble (SQLSTATE classes 08,
// 53, 57P and 58, a read-only server, a failed connection, an attempt that took too long).
func unreachable(err error) bool {
	if code := postgresCode(err); code != "" {
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P") ||
			strings.HasPrefix(code, "58") || code == "25006" || code == "3D000" || code == "28000" || code == "28P01"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) || lostConnection(err) ||
		errors.Is(err, context.DeadlineExceeded)
}

func (e *postgresEngine) sessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	return e.lookups.find(ctx, token)
}

func (e *postgresEngine) ping(ctx context.Context) error { return e.pool.Ping(ctx) }

func (e *postgresEngine) stats() Stats {
	s := e.pool.Stat()
	return Stats{Open: int(s.TotalConns()), InUse: int(s.AcquiredConns()), Max: int(s.MaxConns()), Waited: s.EmptyAcquireCount()}
}

func (e *postgresEngine) close() error {
	err := e.db.Close()
	e.pool.Close()
	return err
}
