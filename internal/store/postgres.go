package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
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
	db      *sql.DB       // the same pool, for database/sql
	checks  *pgxpool.Pool // for session checks alone: a storm of sign-ins must not hold them up
	lookups *lookups
	meter   Meter
}

const (
	patience    = 5 * time.Second  // how long one attempt may take before the store counts as unavailable
	generous    = 50 * time.Second // the same for an attempt that may touch any number of rows; less than a request may take
	maxAttempts = 6
)

func postgresDialect() *dialect {
	return &dialect{noted: true, batch: 200 * time.Millisecond, flights: 2, shared: true, gather: runtime.Gosched, words: strings.NewReplacer("FOR_SHARE", "FOR SHARE OF i", "FOR_UPDATE", "FOR UPDATE",
		"IN ANY_OF($1)", "= ANY(ARRAY(SELECT jsonb_array_elements_text(CAST($1 AS JSONB))))",
		"IN ANY_OF($2)", "= ANY(ARRAY(SELECT jsonb_array_elements_text(CAST($2 AS JSONB))))",
		"JSON_ROW(", "json_build_array(", "JSON_ROWS($1)", "json_array_elements(CAST($1 AS JSON))", "COLUMNS_OF($1)", "(SELECT column_name AS name, data_type AS type"+
			" FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1)")}
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
	cfg.AfterConnect = within(patience, settle)
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "exeunt"
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connections to PostgreSQL: %w", err)
	}
	e := &postgresEngine{dialect: postgresDialect(), pool: pool, db: stdlib.OpenDBFromPool(pool), meter: o.Meter}
	cfg = cfg.Copy()
	cfg.AfterConnect = within(patience, settleChecks)
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = int32(e.dialect.flights), 0, 0
	if e.checks, err = pgxpool.NewWithConfig(context.Background(), cfg); err != nil {
		pool.Close()
		return nil, fmt.Errorf("preparing the connections to PostgreSQL: %w", err)
	}
	e.db.SetMaxIdleConns(0) // idle connections belong to the pool underneath
	e.lookups = newLookups(e, o.CacheBytes)
	return e, nil
}

// within bounds what is done with a new connection: whoever waits for it may be gone, and a database that has stopped answering
// must not keep one of the few connections.
func within(limit time.Duration, prepare func(context.Context, *pgx.Conn) error) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, c *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return prepare(ctx, c)
	}
}

// settle makes a connection independent of settings of the server that would undo answered sign-outs, now or after a
// reload. A synchronous_commit weaker than on loses them in a crash. Under repeatable read, ending all sessions of an
// identity would not see one that has started while it waited; serializable notices that, and so may stay.
func settle(ctx context.Context, c *pgx.Conn) error {
	var durability, isolation string
	if err := c.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&durability); err != nil {
		return err
	}
	if err := c.QueryRow(ctx, `SHOW default_transaction_isolation`).Scan(&isolation); err != nil {
		return err
	}
	if durability != "remote_apply" {
		durability = "on"
	}
	if isolation != "serializable" {
		isolation = "read committed"
	}
	_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', $1, FALSE), set_config('default_transaction_isolation', $2, FALSE)`, durability, isolation)
	return err
}

// settleChecks is settle for connections that do nothing but find sessions by index: their statements are planned once, also
// while there is little to find. Engines that only speak PostgreSQL's protocol may not know the settings.
func settleChecks(ctx context.Context, c *pgx.Conn) error {
	if err := settle(ctx, c); err != nil {
		return err
	}
	for _, setting := range []string{`SET plan_cache_mode = force_generic_plan`, `SET enable_seqscan = off`} {
		if _, err := c.Exec(ctx, setting); err != nil && postgresCode(err) == "" {
			return err
		}
	}
	return nil
}

func (e *postgresEngine) provider() (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // ask every second for five minutes
	if err != nil {
		return nil, err
	}
	return migrator(database.DialectPostgres, e.db, goose.WithSessionLocker(locker))
}

// migrate also has the planner look at tables that have changed: of a column that it has never looked at, it believes
// that nearly every row has a value.
func (e *postgresEngine) migrate(ctx context.Context) error {
	p, err := e.provider()
	if err != nil {
		return err
	}
	changed, err := migrate(ctx, p)
	if err != nil || !changed {
		return err
	}
	_, err = e.db.ExecContext(ctx, `ANALYZE events`)
	return err
}

func (e *postgresEngine) migrated(ctx context.Context) error {
	p, err := e.provider()
	if err != nil {
		return err
	}
	return migrated(ctx, p)
}

func (e *postgresEngine) read(ctx context.Context, fn func(context.Context, *tx) error) error {
	return e.try(ctx, patience, true, func(ctx context.Context) error {
		return fn(ctx, &tx{run: e.db, dialect: e.dialect})
	})
}

func (e *postgresEngine) write(ctx context.Context, how manner, fn func(context.Context, *tx) error) error {
	var t *tx
	limit := patience
	if how.long {
		// A database that does not answer at all is found out before much time is given to it.
		if err := e.try(ctx, patience, true, e.pool.Ping); err != nil {
			return err
		}
		limit = generous
	}
	err := e.try(ctx, limit, how.idempotent, func(ctx context.Context) (err error) {
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
	if err := begun.Commit(); err != nil {
		return nil, uncertain{err}
	}
	return t, nil
}

// uncertain is the failure of a commit: it may have taken place. The driver calls a connection that broke while the answer
// was awaited safe to try again, as it looks for the answer twice and finds the connection closed the second time.
type uncertain struct{ error }

func (u uncertain) Unwrap() error { return u.error }

// unsent reports whether an attempt failed before anything that counts was sent.
func unsent(err error) bool { return !errors.As(err, &uncertain{}) && pgconn.SafeToRetry(err) }

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// try runs an attempt, again if that is safe: after a serialization failure or deadlock always, as nothing was done;
// after a lost connection only if nothing was sent, or if doing it twice is harmless.
func (e *postgresEngine) try(ctx context.Context, limit time.Duration, harmless bool, attempt func(context.Context) error) error {
	for n := 1; ; n++ {
		bounded, cancel := context.WithTimeout(ctx, limit)
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
		again := conflict || (down && !late && (harmless || unsent(err)))
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

// A commit that waits for a standby is seen by everybody once its client has given up waiting, although a standby that
// takes over may not know of it. A commit behind it that the standby has confirmed shows that it does. A message in the
// log is the smallest one; where nothing is waited for, none is written.
const settled query = `
SELECT CASE WHEN current_setting('synchronous_standby_names') = '' THEN NULL ELSE pg_logical_emit_message(TRUE, 'exeunt', '') END`

// confirm implements engine. Engines that only speak PostgreSQL's protocol know neither the setting nor the function, and
// show nothing that is not certain.
func (e *postgresEngine) confirm(ctx context.Context) error {
	err := e.try(ctx, patience, true, func(ctx context.Context) error {
		_, err := e.pool.Exec(ctx, string(settled))
		return err
	})
	if code := postgresCode(err); code == "42883" || code == "42704" {
		return nil
	}
	return err
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

// troubleCodes are single SQLSTATEs that mean trouble of the database: read-only, no such database, not let in, and the
// three kinds of time-outs that a server may be told to keep.
var troubleCodes = []string{"25006", "3D000", "28000", "28P01", "57014", "55P03", "25P03"}

// disconnecting is how severe it is what ends a connection, or keeps one from beginning.
var disconnecting = []string{"FATAL", "PANIC"}

// unreachable reports whether err means that the database, rather than the request, is in trouble (SQLSTATE classes 08,
// 53, 57P and 58 and some more, whatever ends or refuses a connection, an attempt that took too long).
func unreachable(err error) bool {
	var answered *pgconn.PgError
	if errors.As(err, &answered) {
		code := answered.Code
		return slices.Contains(disconnecting, answered.SeverityUnlocalized) || strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") ||
			strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "58") || slices.Contains(troubleCodes, code)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) || lostConnection(err) ||
		errors.Is(err, context.DeadlineExceeded)
}

func (e *postgresEngine) sessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	return e.lookups.find(ctx, token)
}

// ping fails when the database cannot be reached, or has become read-only under its connections.
func (e *postgresEngine) ping(ctx context.Context) error {
	var readOnly string
	if err := e.pool.QueryRow(ctx, `SHOW transaction_read_only`).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly != "off" {
		return errors.New("the database is read-only")
	}
	return nil
}

func (e *postgresEngine) stats() Stats {
	s, checks := e.pool.Stat(), e.checks.Stat()
	return Stats{
		Open: int(s.TotalConns() + checks.TotalConns()), InUse: int(s.AcquiredConns() + checks.AcquiredConns()),
		Max: int(s.MaxConns() + checks.MaxConns()), Waited: s.EmptyAcquireCount() + checks.EmptyAcquireCount(),
		CachedBytes: e.lookups.readings.shelf.taken(),
	}
}

func (e *postgresEngine) close() error {
	err := e.db.Close()
	e.pool.Close()
	e.checks.Close()
	return err
}

// keyMemory is nil: other nodes change keys, too.
func (e *postgresEngine) keyMemory() *keyMemory { return nil }

func (e *postgresEngine) speaks() *dialect { return e.dialect }
