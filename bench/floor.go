package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver of F3
)

// serveFloor runs one of the floors until it is killed. Its first argument is the number of bytes to answer with, the
// second where the data is. It prints its address.
func serveFloor(kind string, args []string) error {
	size, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	work, err := floorWork(kind, args[1])
	if err != nil {
		return err
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = 'x'
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := work(r.Context(), r.URL.Path[1:]); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if size == 0 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json; charset=utf-8"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(size)}
		_, _ = w.Write(body)
	}))
}

// floorWork is what a floor does for each request; it gets the key that the path names.
func floorWork(kind, where string) (func(ctx context.Context, key string) error, error) {
	switch kind {
	case "F1":
		return func(context.Context, string) error { return nil }, nil
	case "F3":
		return sqliteFloor(where)
	}
	pool, err := pgxpool.New(context.Background(), where)
	if err != nil {
		return nil, err
	}
	if kind == "F2" {
		return merged(func(ctx context.Context, keys []string) error {
			rows, err := pool.Query(ctx, `SELECT id, v FROM floor WHERE id = ANY($1)`, keys)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		}), nil
	}
	return func(ctx context.Context, key string) error {
		tag, err := pool.Exec(ctx, `UPDATE floor SET v = v + 1 WHERE id = $1`, key)
		if err == nil && tag.RowsAffected() != 1 {
			err = fmt.Errorf("the row %q is missing", key)
		}
		return err
	}, nil
}

// sqliteFloor updates one row for each request; those that come while a commit is under way share the next.
func sqliteFloor(path string) (func(context.Context, string) error, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return merged(func(ctx context.Context, keys []string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after the commit it has nothing to do
		stmt, err := tx.PrepareContext(ctx, `UPDATE floor SET v = v + 1 WHERE id = $1`)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if _, err := stmt.ExecContext(ctx, key); err != nil {
				return err
			}
		}
		return tx.Commit()
	}), nil
}

// merged collects what comes while do is at work, and hands it over together.
func merged(do func(context.Context, []string) error) func(context.Context, string) error {
	type ask struct {
		key  string
		done chan error
	}
	var mu sync.Mutex
	var waiting []ask
	busy := false
	drain := func() {
		for {
			mu.Lock()
			batch := waiting
			waiting = nil
			busy = len(batch) > 0
			mu.Unlock()
			if len(batch) == 0 {
				return
			}
			keys := make([]string, len(batch))
			for i, a := range batch {
				keys[i] = a.key
			}
			err := do(context.Background(), keys)
			for _, a := range batch {
				a.done <- err
			}
		}
	}
	return func(_ context.Context, key string) error {
		a := ask{key, make(chan error, 1)}
		mu.Lock()
		waiting = append(waiting, a)
		start := !busy
		busy = true
		mu.Unlock()
		if start {
			go drain()
		}
		return <-a.done
	}
}

// makeFloorTable fills the table that F2 and F4, or F3, work on.
func makeFloorTable(driver, dsn string, rows int) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE floor (id TEXT PRIMARY KEY, v BIGINT NOT NULL)`); err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after the commit it has nothing to do
	for i := range rows {
		if _, err := tx.Exec(`INSERT INTO floor (id, v) VALUES ($1, 0)`, floorKey(i)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func floorKey(i int) string { return fmt.Sprintf("row-%06d", i) }

// self is the path of this program, to run floors as processes of their own.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
