package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the floors' tables
)

// place is one engine with prepared data, ours and the floors'.
type place struct {
	name   string // of the engine
	driver string
	dsn    string // where our data is, as the server is told
	data   string // the same, as the driver is told
	floors string // where the floors' data is
	check  string // the floor of checks
	write  string // the floor of what changes something
}

// places prepares both engines with so many live sessions.
func (s settings) places(dir string, sessions int) (all []place, err error) {
	for _, prepare := range []func() (place, error){func() (place, error) { return s.onSQLite(dir) }, s.onPostgres} {
		p, err := prepare()
		if err != nil {
			return nil, err
		}
		if !s.wantsPlace(p.name) {
			continue
		}
		if err := makeFloorTable(p.driver, p.floors, sessions); err != nil {
			return nil, err
		}
		if err := p.fill(0, sessions); err != nil {
			return nil, fmt.Errorf("filling %s: %w", p.name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// wantsPlace reports whether an engine is measured: both are unless one of them is named.
func (s settings) wantsPlace(name string) bool {
	return !strings.Contains(s.only, "SQLite") && !strings.Contains(s.only, "PostgreSQL") || strings.Contains(s.only, name)
}

func (s settings) onSQLite(dir string) (place, error) {
	path := filepath.Join(dir, "exeunt.sqlite")
	return place{
		name: "SQLite", driver: "sqlite", dsn: "sqlite://" + path, check: "F1", write: "F3",
		data:   "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)",
		floors: filepath.Join(dir, "floor.sqlite"),
	}, nil
}

func (s settings) onPostgres() (p place, err error) {
	db, err := sql.Open("pgx", s.postgres)
	if err != nil {
		return p, err
	}
	defer db.Close()
	name := fmt.Sprintf("exeunt_bench_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(context.Background(), `CREATE DATABASE `+name); err != nil {
		return p, err
	}
	u, err := url.Parse(s.postgres)
	if err != nil {
		return p, err
	}
	u.Path = "/" + name
	return place{name: "PostgreSQL", driver: "pgx", dsn: u.String(), data: u.String(), floors: u.String(), check: "F2", write: "F4"}, nil
}
