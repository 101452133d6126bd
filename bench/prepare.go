package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the floors' tables

	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/testkit"
)

// place is one engine with prepared data, ours and the floors'.
type place struct {
	name    string // of the engine
	dsn     string // where our data is
	floors  string // where the floors' data is
	reading string // the floor of checks
	writing string // the floor of logouts
	tokens  []session.Secret
}

const floorRows = 1000

func (s settings) sessions() int { return 1000 + s.rounds*s.logouts() }

// logouts is how many sessions one measurement may end.
func (s settings) logouts() int { return int(s.duration.Seconds() * 10000) }

func prepareSQLite(s settings, dir string) (place, error) {
	p := place{name: "SQLite", dsn: "sqlite://" + filepath.Join(dir, "exeunt.sqlite"), floors: filepath.Join(dir, "floor.sqlite"), reading: "F1", writing: "F3"}
	if err := makeFloorTable("sqlite", "file:"+p.floors+"?_pragma=journal_mode(WAL)", floorRows); err != nil {
		return p, err
	}
	return p, p.fill(s.sessions())
}

func preparePostgres(s settings) (place, error) {
	p := place{name: "PostgreSQL", reading: "F2", writing: "F4"}
	db, err := sql.Open("pgx", s.postgres)
	if err != nil {
		return p, err
	}
	defer db.Close()
	name := fmt.Sprintf("exeunt_bench_%d", time.Now().UnixNano())
	if _, err := db.Exec(`CREATE DATABASE ` + name); err != nil {
		return p, err
	}
	u, err := url.Parse(s.postgres)
	if err != nil {
		return p, err
	}
	u.Path = "/" + name
	p.dsn, p.floors = u.String(), u.String()
	if err := makeFloorTable("pgx", p.floors, floorRows); err != nil {
		return p, err
	}
	return p, p.fill(s.sessions())
}

// fill stores people with live sessions, whose tokens only this program knows.
func (p *place) fill(sessions int) error {
	ctx := context.Background()
	st, err := store.Open(ctx, p.dsn, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		return err
	}
	const batch = 500
	for len(p.tokens) < sessions {
		someone := testkit.Identity(testkit.Email())
		var made []session.Secret
		err := st.Atomic(ctx, func(ctx context.Context) error {
			made = nil
			if err := st.InsertIdentity(ctx, someone); err != nil {
				return err
			}
			for range batch {
				one, token := testkit.Session(someone, time.Now())
				if err := st.InsertSession(ctx, one, token.Hash(), session.Limit{}); err != nil {
					return err
				}
				made = append(made, token)
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.tokens = append(p.tokens, made...)
	}
	return nil
}
