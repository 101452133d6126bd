package rig

import (
	"context"
	"path/filepath"
	"syscall"
	"time"

	"exeunt/proof/drive"
	"exeunt/proof/history"
)

var crowd = drive.Crowd{Clients: 12, Calm: 3, Wild: 13}

// lively makes sessions slide and run out within a run.
const lively = "session: {lifespan: 30s, sliding: true, extend_debounce: 0s}\n"

// long is how sessions live where clocks are set: none runs out.
const long = "session: {lifespan: 240h, sliding: true, extend_debounce: 0s}\n"

// few bounds how many sessions one person may have.
const few = "session: {lifespan: 30s, sliding: true, extend_debounce: 0s, limit: {max: 6, policy: evict_oldest}}\n"

// Setups are all ways to run servers that the proof knows.
var Setups = []Setup{
	{Name: "sqlite", About: "one server on SQLite", Long: Length{220000, 40}, Crowd: crowd, Build: onSQLite(lively),
		Faults: []Fault{{"killed", kill}, {"killed before the answer", killUnanswered}, {"killed", kill}, {"paused", pause}}},
	{Name: "sqlite-limit", About: "the same, with at most six sessions for everybody", Long: Length{80000, 12}, Crowd: drive.Crowd{Clients: 12, Wild: 16},
		Run: history.Run{Limit: 6}, Build: onSQLite(few), Faults: []Fault{{"killed", kill}}},
	{Name: "sqlite-power", About: "one server on SQLite whose power is cut", Long: Length{45000, 24}, Crowd: crowd, Build: traced(onSQLite(lively)),
		Faults: []Fault{{"power cut", cutPower}}},
	{Name: "sqlite-clock", About: "one server on SQLite whose clock is set", Long: Length{80000, 15}, Crowd: crowd, Run: history.Run{Stepped: true},
		Build: clocked(onSQLite(long)), Faults: []Fault{{"clock set", setClock}, {"clock set", setClock}, {"killed", kill}}},
	{Name: "postgres", About: "two servers on PostgreSQL", Long: Length{160000, 50}, Crowd: crowd, Build: onPostgres(2, lively), Faults: []Fault{
		{"killed", kill}, {"killed after the commit", killCommitted}, {"database restarted", restartDatabase}, {"killed before the answer", killUnanswered},
		{"connections cut", cutConnections}, {"database crashed", crashDatabase}, {"out of connections", takeConnections},
		{"paused", pause}, {"database paused", pauseDatabase}, {"packets lost", losePackets}}},
	{Name: "postgres-serializable", About: "the same, with every transaction serializable", Long: Length{60000, 16}, Crowd: crowd,
		Build:  onPostgres(2, lively, "default_transaction_isolation = 'serializable'"),
		Faults: []Fault{{"killed", kill}, {"connections cut", cutConnections}}},
	{Name: "postgres-clock", About: "three servers on PostgreSQL whose clocks differ and are set", Long: Length{80000, 15}, Crowd: crowd, Run: history.Run{Stepped: true},
		Build: clocked(onPostgres(3, long)), Faults: []Fault{{"clock set", setClock}, {"clock set", setClock}, {"killed", kill}}},
	{Name: "postgres-disk", About: "two servers on a PostgreSQL whose disk gets full", Long: Length{60000, 10}, Crowd: crowd,
		Build: smallDisk(2, lively), Faults: []Fault{{"disk full", fillDisk}}},
	{Name: "postgres-standby", About: "two servers on a PostgreSQL with a synchronous standby", Long: Length{60000, 12}, Crowd: crowd, Run: history.Run{Failover: true},
		Build: withStandby(2, lively), Faults: []Fault{{"standby took over", fail}, {"standby took over late", failLate}}},
	{Name: "three", About: "three servers behind nginx on one PostgreSQL", Long: Length{100000, 28}, Crowd: crowd, Needs: needsNginx, Build: behindNginx(3, lively),
		Faults: []Fault{{"killed", kill}, {"killed before the answer", killUnanswered}, {"killed", kill}, {"paused", pause}}},
	{Name: "elsewhere", About: "three servers: sign-out at the first, and checks at the others", Long: Length{150000, 0}, Crowd: drive.Crowd{Clients: 8, Calm: 8},
		Play: (*drive.World).Elsewhere, Build: onPostgres(3, lively)},
}

func onSQLite(extra string) func(context.Context, *Rig) error {
	return func(_ context.Context, r *Rig) error {
		_, err := r.add("sqlite://"+filepath.Join(r.Dir, "node1", "exeunt.sqlite"), "", extra)
		return err
	}
}

// onPostgres runs servers that share one database.
func onPostgres(nodes int, extra string, settings ...string) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		dsn, err := r.database(ctx, settings...)
		if err != nil {
			return err
		}
		return r.addAll(nodes, dsn, extra)
	}
}

// addAll makes servers that browsers find at one address, that of the first.
func (r *Rig) addAll(nodes int, dsn, extra string) error {
	for range nodes {
		if _, err := r.add(dsn, r.base, extra); err != nil {
			return err
		}
		r.base = r.nodes[0].Public
	}
	return nil
}

// kill ends a server in the middle of everything and starts it again.
func kill(_ context.Context, r *Rig) error {
	n := r.one()
	n.kill()
	return n.start()
}

// away is longer than anything waits: five seconds for an attempt of the database.
const away = 6 * time.Second

// pause stops a server as a machine does that is moved, or that swaps, and lets it go on.
func pause(ctx context.Context, r *Rig) error {
	n := r.one()
	if err := n.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if err := wait(ctx, away); err != nil {
		return err
	}
	if err := n.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return n.healthy()
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
