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

// few bounds how many sessions one person may have.
const few = "session: {lifespan: 30s, sliding: true, extend_debounce: 0s, limit: {max: 6, policy: evict_oldest}}\n"

// Setups are all ways to run servers that the proof knows.
var Setups = []Setup{
	{Name: "sqlite", About: "one server on SQLite", Crowd: crowd, Build: onSQLite(lively),
		Faults: []Fault{{"killed", kill}, {"paused", pause}}},
	{Name: "sqlite-limit", About: "the same, with at most six sessions for everybody", Crowd: drive.Crowd{Clients: 12, Wild: 16}, Run: history.Run{Limit: 6}, Build: onSQLite(few),
		Faults: []Fault{{"killed", kill}}},
}

func onSQLite(extra string) func(context.Context, *Rig) error {
	return func(_ context.Context, r *Rig) error {
		_, err := r.add("sqlite://"+filepath.Join(r.Dir, "node1", "exeunt.sqlite"), "", extra)
		return err
	}
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
