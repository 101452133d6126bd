package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestCollector(t *testing.T) {
	onEach(t, func(f fixture) {
		const margin, retention = 24 * time.Hour, 30 * 24 * time.Hour
		i := f.someone()
		var old, kept []client
		for range 7 {
			old = append(old, f.signInAt(i, now.Add(-margin-testkit.Lifespan-time.Microsecond)))
			kept = append(kept, f.signInAt(i, now.Add(-margin-testkit.Lifespan)))
		}
		live := f.signInAt(i, now.Add(3*margin))
		tombstone := f.signInAt(i, now.Add(-testkit.Lifespan))
		f.logout(tombstone, now.Add(-testkit.Lifespan))
		f.end(session.Scope{IDs: []session.ID{tombstone.ID}, Delete: true}, now)
		overdue, due := testkit.Flow("login", now.Add(-testkit.Lifespan-flowMargin-time.Microsecond)), testkit.Flow("login", now.Add(-testkit.Lifespan-flowMargin))
		f.ok(errors.Join(f.InsertFlow(f.ctx, overdue), f.InsertFlow(f.ctx, due)))
		ancient := f.signIn(i)
		f.logout(ancient, now)
		f.raw(`UPDATE events SET at = $2 WHERE session_id = $1`, ancient.ID.String(), micros(now.Add(-retention-time.Microsecond)))

		c := &Collector{Store: f.Store, Batch: 3, Margin: margin, Retention: retention}
		n, err := c.Collect(f.ctx, now)
		f.ok(err)
		if want := int64(len(old)+len(kept)) + int64(len(old)) + 1 + 2; n != want {
			f.t.Errorf("it went through %d rows, want %d", n, want)
		}
		for _, c := range kept {
			want := session.End{At: c.ExpiresAt, Reason: session.Expired, By: session.ByPolicy}
			if end := f.check(c).End; end == nil || *end != want || !slices.Equal(f.events(c.ID), []string{sessionEnded, sessionStarted}) {
				f.t.Errorf("a session that ran out ended as %+v, with the events %v", end, f.events(c.ID))
			}
		}
		for _, c := range old {
			_, err := f.Session(f.ctx, c.ID)
			f.is(err, session.ErrNotFound)
			if f.logout(c, now) {
				f.t.Error("a collected session is still known")
			}
		}
		for _, c := range append(kept, live, ancient) {
			_, err := f.Session(f.ctx, c.ID)
			f.ok(err)
		}
		if !f.logout(tombstone, now) {
			f.t.Error("the tombstone is gone before its time")
		}
		if len(f.story(ancient.ID)) != 0 || len(f.story(live.ID)) != 1 {
			f.t.Error("the wrong events went")
		}
		_, err = f.Flow(f.ctx, overdue.Kind, overdue.ID)
		f.is(err, flow.ErrNotFound)
		_, err = f.Flow(f.ctx, due.Kind, due.ID)
		f.ok(err)
		f.run("a second round finds nothing", func(f fixture) {
			n, err := c.Collect(f.ctx, now)
			f.ok(err)
			if n != 0 {
				f.t.Errorf("%d rows went", n)
			}
		})
		f.run("the margin over, the tombstone goes", func(f fixture) {
			_, err := c.Collect(f.ctx, now.Add(margin+time.Microsecond))
			f.ok(err)
			if f.logout(tombstone, now) {
				f.t.Error("the tombstone is still there")
			}
			if !f.valid(live, now) {
				f.t.Error("a live session went")
			}
		})
		f.run("several at once do no harm", func(f fixture) {
			for range 20 {
				f.signInAt(i, now.Add(-3*margin))
			}
			for _, err := range together(4, func(int) error { _, err := c.Collect(f.ctx, now); return err }) {
				f.ok(err)
			}
			if !f.valid(live, now) {
				f.t.Error("a live session went")
			}
		})
		f.run("it runs until its context ends", func(f fixture) {
			due := testkit.Flow("login", now.Add(-testkit.Lifespan-2*flowMargin))
			f.ok(f.InsertFlow(f.ctx, due))
			ctx, cancel := context.WithCancel(f.ctx)
			ended := make(chan struct{})
			runner := *c
			runner.Interval = time.Millisecond
			go func() { runner.Run(ctx); close(ended) }()
			await(f.t, "the flow is collected", func() bool {
				_, err := f.Flow(f.ctx, due.Kind, due.ID)
				return err != nil
			})
			cancel()
			<-ended
		})
	})
}

// What was extended, used, or taken over from a program that does not say when a session is due is looked at in vain, once.
func TestCollectorPutsOff(t *testing.T) {
	onEach(t, func(f fixture) {
		const margin = 24 * time.Hour
		i := f.someone()
		c := &Collector{Store: f.Store, Batch: 2, Margin: margin, Retention: 30 * margin}
		collect := func(f fixture, at time.Time, want int64) {
			f.t.Helper()
			if n, err := c.Collect(f.ctx, at); err != nil || n != want {
				f.t.Fatalf("it went through %d rows, want %d: %v", n, want, err)
			}
		}
		due := func(f fixture, c client) time.Time {
			return moment(int64(f.number(`SELECT due_at FROM sessions WHERE id = $1`, c.ID.String())))
		}
		extended, out := f.signInAt(i, now), f.signInAt(i, now)
		expiry := extended.ExpiresAt
		if done, err := f.ExtendSession(f.ctx, extended.ID, session.ExtendRule{Now: expiry.Add(-time.Second), Lengths: session.Lengths{Lifespan: 2 * margin}}); err != nil || !done {
			f.t.Fatal(done, err)
		}
		f.logout(out, now)
		if !due(f, extended).Equal(expiry) || !due(f, out).Equal(expiry) {
			f.t.Fatalf("due at %v and %v, want the first expiry %v", due(f, extended), due(f, out), expiry)
		}
		collect(f, expiry.Add(clockMargin), 0)
		longer := f.check(extended).ExpiresAt
		collect(f, expiry.Add(clockMargin+time.Microsecond), 2)
		if !due(f, extended).Equal(longer) || !due(f, out).Equal(expiry.Add(margin-clockMargin)) {
			f.t.Errorf("due at %v and %v", due(f, extended), due(f, out))
		}
		if !f.valid(extended, expiry.Add(2*clockMargin)) {
			f.t.Error("the extended session ended with its first expiry")
		}
		collect(f, expiry.Add(margin), 0)
		collect(f, expiry.Add(margin+time.Microsecond), 1)
		f.run("what is not known to be due is looked at once", func(f fixture) {
			f.raw(`UPDATE sessions SET due_at = $1`, 0)
			collect(f, expiry.Add(margin+time.Microsecond), 1)
			collect(f, expiry.Add(margin+time.Microsecond), 0)
		})
		collect(f, longer.Add(clockMargin+time.Microsecond), 1)
		if end := f.check(extended).End; end == nil || end.Reason != session.Expired || !end.At.Equal(longer) {
			f.t.Errorf("the session ended as %+v", end)
		}
	})
}
