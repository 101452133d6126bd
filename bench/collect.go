package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Collecting is measured with the checks that people make meanwhile, at a steady rate well below what the server could
// answer: first without anything to collect, then while all the expired sessions are.
const (
	collectRate        = 4000 // checks in a second
	collectConnections = 32
)

// expired makes sessions that ran out long ago and that nobody has ended. $1 is whose they are, $2 how many, $3 now.
var expired = map[string]string{
	"SQLite": `
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal, methods, devices,
                      end_reason, ended_by, deleted, last_seen_at, deadline_at, due_at)
WITH RECURSIVE n(i, r) AS (SELECT 1, lower(hex(randomblob(48))) UNION ALL SELECT i + 1, lower(hex(randomblob(48))) FROM n WHERE i < $2)
SELECT substr(r, 1, 8) || '-' || substr(r, 9, 4) || '-4' || substr(r, 13, 3) || '-8' || substr(r, 16, 3) || '-' || substr(r, 19, 12), $1, substr(r, 31, 43),
       $3 - i, $3 - i, $3 - i, $3 - 172800000000 - i, 0, 1, '[{"method":"password","aal":1,"completed":1}]', '[{"id":"aae996a4-3b7d-4e4f-9d90-278091f6540e"}]', '', '', FALSE, $3 - i, $3 - 172800000000 - i, $3 - 172800000000 - i FROM n`,
	"PostgreSQL": `
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal, methods, devices,
                      end_reason, ended_by, deleted, last_seen_at, deadline_at, due_at)
SELECT gen_random_uuid()::text, $1, substr(md5(random()::text) || md5(random()::text), 1, 43),
       $3::bigint - i, $3::bigint - i, $3::bigint - i, $3::bigint - 172800000000 - i, 0, 1, '[{"method":"password","aal":1,"completed":1}]', '[{"id":"aae996a4-3b7d-4e4f-9d90-278091f6540e"}]', '', '', FALSE, $3::bigint - i, $3::bigint - 172800000000 - i, $3::bigint - 172800000000 - i
  FROM generate_series(1, $2::bigint) i`,
}

// collect measures the collector on both engines.
func collect(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%d expired sessions; %d checks a second over %d connections; server on core %s, load on core %s\n\n", s.expired, collectRate, collectConnections, serverCore, loadCore)
	all, err := s.places(dir, 2000)
	if err != nil {
		return err
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	fmt.Printf("%-11s %9s %9s   %9s %9s %7s   %9s %10s   %9s %9s\n", "store", "p50", "p99", "p50", "p99", "ratio", "took", "rows/s", "memory", "at most")
	for _, p := range all {
		if err := s.collecting(dir, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func (s settings) collecting(dir string, p place) error {
	checks := scenarios[0].operations(0, 0)
	before, _, err := s.watched(dir, p, func(address string, _ func() int64) (measurement, error) {
		return steady(address, collectConnections, 10*time.Second, collectRate, checks)
	})
	if err != nil {
		return err
	}
	if err := s.expire(p); err != nil {
		return err
	}
	var took time.Duration
	during, memory, err := s.watched(dir, p, func(address string, collected func() int64) (measurement, error) {
		begun := time.Now()
		return steady(address, collectConnections, time.Hour, collectRate, func() (exchange, bool) {
			if collected() >= int64(s.expired) {
				took = time.Since(begun)
				return exchange{}, false
			}
			return checks()
		})
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-11s %9s %9s   %9s %9s %7.2f   %9s %10.0f   %7dMB %7dMB\n", p.name, short(before.p50), short(before.p99), short(during.p50), short(during.p99),
		float64(during.p99)/float64(before.p99), took.Round(time.Second), float64(s.expired)/took.Seconds(), memory[0]>>10, memory[1]>>10)
	return nil
}

// watched runs a measurement on a server of its own, which tells how many sessions it has removed, and returns its memory
// after the start and at most, in KiB.
func (s settings) watched(dir string, p place, measure func(address string, collected func() int64) (measurement, error)) (m measurement, memory [2]int, err error) {
	server, err := s.serve(dir, p.quiet())
	if err != nil {
		return m, memory, err
	}
	defer server.stop()
	var removed atomic.Int64
	ctx, done := context.WithCancel(context.Background())
	defer done()
	go func() {
		for tick := time.NewTicker(200 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				removed.Store(counted(server.admin))
			}
		}
	}()
	memory[0] = server.resident("VmRSS")
	m, err = measure(server.address, removed.Load)
	memory[1] = server.resident("VmHWM")
	return m, memory, err
}

// counted reads from the metrics how many sessions the collector has removed.
func counted(admin string) int64 {
	resp, err := http.Get("http://" + admin + "/admin/metrics/prometheus")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), `exeunt_collected_rows_total{what="sessions"} `)
	text, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseFloat(text, 64)
	return int64(n)
}

// expire fills the store with expired sessions of one of its identities.
func (s settings) expire(p place) error {
	db, err := sql.Open(p.driver, p.data)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), expired[p.name], named("person", 0), s.expired, time.Now().UnixMicro())
	if err == nil && p.name == "PostgreSQL" {
		_, err = db.Exec(`ANALYZE sessions`)
	}
	return err
}
