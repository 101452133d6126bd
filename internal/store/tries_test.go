package store

import (
	"slices"
	"sync"
	"testing"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/tries"
)

func TestFailedTriesAreCountedAndForgotten(t *testing.T) {
	onEach(t, func(f fixture) {
		add := func(at time.Time, want int, wantLast time.Time) {
			f.t.Helper()
			n, last, err := f.AddFailedTry(f.ctx, "ada", at, time.Hour)
			f.ok(err)
			again, lastAgain, err := f.FailedTries(f.ctx, "ada")
			if f.ok(err); n != want || !last.Equal(wantLast) || again != n || !lastAgain.Equal(last) {
				f.t.Errorf("%d at %v, and read as %d at %v; want %d at %v", n, last, again, lastAgain, want, wantLast)
			}
		}
		if n, last, err := f.FailedTries(f.ctx, "ada"); n != 0 || !last.IsZero() || err != nil {
			f.t.Errorf("of nobody there are %d, %v, %v", n, last, err)
		}
		add(now, 1, now)
		add(now.Add(time.Second), 2, now.Add(time.Second))
		add(now, 3, now.Add(time.Second)) // by a clock that is behind
		at := now.Add(2*time.Hour + time.Second)
		add(at, 2, at)
		at = at.Add(100 * time.Hour)
		add(at, 1, at)
		for range tries.Most + 3 {
			_, _, err := f.AddFailedTry(f.ctx, "ada", at, time.Hour)
			f.ok(err)
		}
		add(at, tries.Most, at)
		if n, _, _ := f.FailedTries(f.ctx, "bo"); n != 0 {
			f.t.Error("somebody else pays")
		}
		c := &Collector{Store: f.Store, Batch: 10, Margin: time.Hour, Retention: time.Hour}
		_, err := c.Collect(f.ctx, at.Add(tries.Most*time.Hour))
		if f.ok(err); f.number(`SELECT COUNT(*) FROM tries`) != 1 {
			f.t.Error("it is collected while it counts")
		}
		_, err = c.Collect(f.ctx, at.Add((tries.Most+2)*time.Hour))
		if f.ok(err); f.number(`SELECT COUNT(*) FROM tries`) != 0 {
			f.t.Error("it is never collected")
		}
		at = at.Add((tries.Most + 2) * time.Hour)
		add(at, 1, at)
		add(at.Add(30*time.Minute), 2, at.Add(30*time.Minute))
		add(at.Add(100*time.Minute), 2, at.Add(100*time.Minute))
		for _, later := range []struct {
			by   time.Duration
			left int
		}{{219 * time.Minute, 1}, {221 * time.Minute, 0}} {
			_, err = c.Collect(f.ctx, at.Add(later.by))
			if f.ok(err); f.number(`SELECT COUNT(*) FROM tries`) != later.left {
				f.t.Errorf("two failures, the last after 100 minutes: after %v there are not %d rows", later.by, later.left)
			}
		}
	})
}

func TestFailedTriesAtOnceAreAllCounted(t *testing.T) {
	onEach(t, func(f fixture) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, _, err := f.AddFailedTry(f.ctx, "ada", now, time.Hour); err != nil {
					f.t.Error(err)
				}
			})
		}
		all.Wait()
		if n, _, err := f.FailedTries(f.ctx, "ada"); n != 20 || err != nil {
			f.t.Errorf("%d: %v", n, err)
		}
	})
}

func TestAddressesAreKnownBySessionsThatHaveShownAllFactors(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		c := f.signIn(i)
		want := []string{c.Devices[0].IP}
		if got, err := f.KnownAddresses(f.ctx, i.ID); err != nil || !slices.Equal(got, want) || want[0] == "" {
			f.t.Errorf("%v, want %v: %v", got, want, err)
		}
		f.logout(c, now)
		if got, err := f.KnownAddresses(f.ctx, i.ID); err != nil || !slices.Equal(got, want) {
			f.t.Errorf("signed out: %v: %v", got, err)
		}
		f.raw(`UPDATE identities SET available_aal = 2 WHERE id = $1`, i.ID.String())
		for _, id := range []identity.ID{i.ID, {}} {
			if got, err := f.KnownAddresses(f.ctx, id); err != nil || len(got) != 0 {
				f.t.Errorf("of %v: %v: %v", id, got, err)
			}
		}
	})
}

// The guard on real stores: as many tries as are free, whichever node they come through, however many at once on each.
func TestNodesShareAnAllowance(t *testing.T) {
	onEach(t, func(f fixture) {
		clock := func() time.Time { return now }
		node := func() *tries.Guard { return &tries.Guard{Store: f.Store, Key: []byte("key"), Now: clock} }
		try := flow.Try{Secret: "password", Whose: "ada"}
		tried := 0
		one, two := node(), node()
		for n := range 40 {
			if end, err := []*tries.Guard{one, two}[n%2].Begin(f.ctx, try); err == nil {
				f.ok(end(true))
				tried++
			}
		}
		if _, err := node().Begin(f.ctx, try); tried != 8 || err == nil {
			f.t.Errorf("%d tries, and after a restart %v", tried, err)
		}
	})
}
