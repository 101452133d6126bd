package main

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver of F3
)

// selecting reads one row by its primary key; those that ask while a query is under way share the next.
func selecting(where string) (func(context.Context, string) error, error) {
	pool, err := pgxpool.New(context.Background(), where)
	if err != nil {
		return nil, err
	}
	return merged(func(ctx context.Context, keys []string) error {
		rows, err := pool.Query(ctx, `SELECT id, v FROM floor WHERE id = ANY($1)`, keys)
		if err != nil {
			return err
		}
		defer rows.Close()
		found := 0
		for rows.Next() {
			found++
		}
		if err := rows.Err(); err != nil || found > 0 {
			return err
		}
		return fmt.Errorf("none of the rows %q is there", keys)
	}), nil
}

// updatingPostgres updates one row for each request, with the durability that the server has by default.
func updatingPostgres(where string) (func(context.Context, string) error, error) {
	pool, err := pgxpool.New(context.Background(), where)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, key string) error {
		tag, err := pool.Exec(ctx, `UPDATE floor SET v = v + 1 WHERE id = $1`, key)
		if err == nil && tag.RowsAffected() != 1 {
			err = fmt.Errorf("the row %q is missing", key)
		}
		return err
	}, nil
}

// updatingSQLite updates one row for each request; those that come while a commit is under way share the next.
func updatingSQLite(path string) (func(context.Context, string) error, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	prepared := map[string]*sql.Stmt{}
	for _, text := range []string{"BEGIN IMMEDIATE", "COMMIT", `UPDATE floor SET v = v + 1 WHERE id = $1`} {
		if prepared[text], err = conn.PrepareContext(context.Background(), text); err != nil {
			return nil, err
		}
	}
	update := prepared[`UPDATE floor SET v = v + 1 WHERE id = $1`]
	return merged(func(ctx context.Context, keys []string) error {
		if _, err := prepared["BEGIN IMMEDIATE"].ExecContext(ctx); err != nil {
			return err
		}
		for _, key := range keys {
			if _, err := update.ExecContext(ctx, key); err != nil {
				return err
			}
		}
		_, err := prepared["COMMIT"].ExecContext(ctx)
		return err
	}), nil
}

// merged collects what comes while do is at work, and hands it over together.
func merged(do func(context.Context, []string) error) func(context.Context, string) error {
	m := &merger{do: do}
	return func(_ context.Context, key string) error {
		a := question{key, make(chan error, 1)}
		m.mu.Lock()
		m.waiting = append(m.waiting, a)
		start := !m.busy
		m.busy = true
		m.mu.Unlock()
		if start {
			go m.drain()
		}
		return <-a.done
	}
}

type merger struct {
	do      func(context.Context, []string) error
	mu      sync.Mutex
	waiting []question
	busy    bool
}

type question struct {
	key  string
	done chan error
}

func (m *merger) drain() {
	for {
		runtime.Gosched() // whoever else is ready to ask does so first
		m.mu.Lock()
		batch := m.waiting
		m.waiting = nil
		m.busy = len(batch) > 0
		m.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		keys := make([]string, len(batch))
		for i, a := range batch {
			keys[i] = a.key
		}
		err := m.do(context.Background(), keys)
		for _, a := range batch {
			a.done <- err
		}
	}
}

func floorKey(i int) string { return named("floor", i) }

// makeFloorTable fills the table that F2 and F4, or F3, work on: it has as many rows as there are sessions.
func makeFloorTable(driver, dsn string, rows int) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE floor (id TEXT PRIMARY KEY, v BIGINT NOT NULL)`); err != nil {
		return err
	}
	return fillFloorTable(db, driver, 0, rows)
}

// growFloorTable adds rows to it.
func growFloorTable(driver, dsn string, from, rows int) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := fillFloorTable(db, driver, from, rows); err != nil {
		return err
	}
	if driver == "pgx" {
		if _, err := db.Exec(`VACUUM ANALYZE floor`); err != nil {
			return err
		}
		_, err = db.Exec(`CHECKPOINT`) // so that nothing that was filled in is written while checks are measured
	}
	return err
}

func fillFloorTable(db *sql.DB, driver string, from, rows int) error {
	for ; from < rows; from += atOnce {
		var some [][]string
		for i := from; i < min(from+atOnce, rows); i++ {
			some = append(some, []string{floorKey(i)})
		}
		if err := copies(context.Background(), db, driver, `INSERT INTO floor (id, v) SELECT v.value ->> 0, 0 FROM ROWS v`, some); err != nil {
			return err
		}
	}
	return nil
}
