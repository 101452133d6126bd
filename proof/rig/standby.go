package rig

import (
	"context"
	"fmt"
	"path/filepath"
)

// withStandby runs servers on a primary that waits for a standby before it says that something is committed.
func withStandby(nodes int, extra string) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		dsn, err := r.database(ctx)
		if err != nil {
			return err
		}
		// A standby has the settings of its primary, and so waits for one of its own when it takes over.
		if err := r.pg.exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"); err != nil {
			return err
		}
		if err := r.follow(ctx); err != nil {
			return err
		}
		if err := r.pg.until(ctx, standsBy); err != nil {
			return err
		}
		return r.addAll(nodes, dsn, extra)
	}
}

const standsBy = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"

// follow makes a standby of the database.
func (r *Rig) follow(ctx context.Context) (err error) {
	r.followers++
	c := &cluster{dir: filepath.Join(r.Dir, fmt.Sprintf("standby%d", r.followers)), proxy: r.pg.proxy}
	if c.dsn, err = script(ctx, nil, "standby", c.dir, r.pg.dir); err != nil {
		return err
	}
	r.places = append(r.places, c.dir)
	r.standby = c
	r.atEnd(func() error { return c.end() })
	return nil
}

// fail kills the primary and has the standby take over; the servers find it where the primary was. A new standby follows.
func fail(ctx context.Context, r *Rig) error {
	return r.takeOver(ctx, func() error { return r.pg.ctl(ctx, "stop", "-m", "immediate") })
}

// failLate does it after the standby was away for longer than servers wait: much was asked of the primary that it has
// carried out, and that neither the standby nor any client has heard of.
func failLate(ctx context.Context, r *Rig) error {
	return r.takeOver(ctx, func() error {
		if err := r.standby.ctl(ctx, "stop", "-m", "immediate"); err != nil {
			return err
		}
		if err := wait(ctx, 2*away); err != nil { // so that what was given up is asked for again
			return err
		}
		if err := r.pg.ctl(ctx, "stop", "-m", "immediate"); err != nil {
			return err
		}
		return r.standby.ctl(ctx, "start")
	})
}

func (r *Rig) takeOver(ctx context.Context, kill func() error) error {
	if err := kill(); err != nil {
		return err
	}
	old := r.pg
	old.proxy.Cut()
	if err := r.standby.ctl(ctx, "promote"); err != nil {
		return err
	}
	r.pg = r.standby
	r.pg.proxy.Lead(host(r.pg.dsn))
	r.pg.proxy.Heal()
	if err := r.follow(ctx); err != nil {
		return err
	}
	if err := r.pg.until(ctx, standsBy); err != nil {
		return err
	}
	if err := old.end(); err != nil {
		return err
	}
	return r.recover()
}
