package rig

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// recover waits until all servers answer again.
func (r *Rig) recover() error {
	for _, n := range r.nodes {
		if err := n.welcome(); err != nil {
			return err
		}
	}
	return nil
}

// restartDatabase lets PostgreSQL finish what is under way, and start again.
func restartDatabase(ctx context.Context, r *Rig) error {
	if err := r.pg.ctl(ctx, "restart", "-m", "fast"); err != nil {
		return err
	}
	return r.recover()
}

// crashDatabase ends PostgreSQL without letting it tidy up; it recovers from its log.
func crashDatabase(ctx context.Context, r *Rig) error {
	if err := r.pg.ctl(ctx, "stop", "-m", "immediate"); err != nil {
		return err
	}
	if err := r.pg.ctl(ctx, "start"); err != nil {
		return err
	}
	return r.recover()
}

// pauseDatabase stops all of PostgreSQL for longer than servers wait, and lets it go on with what they have given up.
func pauseDatabase(ctx context.Context, r *Rig) error {
	if err := r.pg.freeze(ctx, away); err != nil {
		return err
	}
	return r.recover()
}

// freeze stops every process of the cluster for a time.
func (c *cluster) freeze(ctx context.Context, d time.Duration) error {
	all, err := c.processes()
	if err != nil {
		return err
	}
	signalAll(all, syscall.SIGSTOP)
	defer signalAll(all, syscall.SIGCONT)
	return wait(ctx, d)
}

func signalAll(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s) // some end by themselves
	}
}

// cutConnections cuts all connections to the database at random moments, a few times in a row.
func cutConnections(ctx context.Context, r *Rig) error {
	for range 5 {
		if err := wait(ctx, time.Duration(r.dice.IntN(80))*time.Millisecond); err != nil {
			return err
		}
		r.pg.proxy.Cut()
		r.pg.proxy.Heal()
	}
	return r.recover()
}

// losePackets keeps the connections and lets nothing through, for longer than servers wait; then they are gone.
func losePackets(ctx context.Context, r *Rig) error {
	r.pg.proxy.Stall()
	err := wait(ctx, away)
	r.pg.proxy.Cut()
	r.pg.proxy.Heal()
	if err != nil {
		return err
	}
	return r.recover()
}

const (
	tooMany = "53300"         // what PostgreSQL says when it has no connection left
	without = 2 * time.Second // for which there is none
)

// takeConnections takes the servers' connections away, and every other that PostgreSQL has.
func takeConnections(ctx context.Context, r *Rig) error {
	var taken []*pgx.Conn
	defer func() {
		for _, c := range taken {
			c.Close(context.WithoutCancel(ctx))
		}
	}()
	var none time.Time // since when there is none left
	for begun := time.Now(); none.IsZero() || time.Since(none) < without; {
		c, err := pgx.Connect(ctx, r.pg.dsn)
		var refused *pgconn.PgError
		switch {
		case err == nil:
			taken = append(taken, c)
			if _, err := taken[0].Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'exeunt'"); err != nil {
				return err
			}
			continue
		case !errors.As(err, &refused) || refused.Code != tooMany || time.Since(begun) > overdue:
			return err
		case none.IsZero():
			none = time.Now()
		}
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	for _, c := range taken {
		c.Close(ctx)
	}
	taken = nil
	return r.recover()
}
