package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

const (
	hook   = "hooks.example.com-1"
	leased = 15 * time.Second // of a claim
)

var ends = []string{"session_ended"}

// queued makes deliveries of all events and returns how many.
func (f fixture) queued(hook string, kinds ...string) (total int) {
	f.t.Helper()
	f.placed()
	for {
		made, more, err := f.QueueDeliveries(f.ctx, hook, kinds, now)
		f.ok(err)
		total += made
		if !more {
			return total
		}
	}
}

// hooked registers the hook and ends so many sessions.
func (f fixture) hooked(n int) (ended []client) {
	f.t.Helper()
	f.ok(f.RegisterHook(f.ctx, hook, now))
	i := f.someone()
	for range n {
		c := f.signIn(i)
		f.logout(c, now)
		ended = append(ended, c)
	}
	if made := f.queued(hook, ends...); made != n {
		f.t.Fatalf("%d deliveries of %d ends", made, n)
	}
	return ended
}

func (f fixture) claim(at time.Time, limit int) []*courier.Delivery {
	f.t.Helper()
	all, err := f.ClaimDeliveries(f.ctx, hook, at, at.Add(leased), limit)
	f.ok(err)
	return all
}

// claimOne claims all that is due, which must be one delivery.
func (f fixture) claimOne(at time.Time) *courier.Delivery {
	f.t.Helper()
	all := f.claim(at, 100)
	if len(all) != 1 {
		f.t.Fatalf("%d deliveries are due, want 1", len(all))
	}
	return all[0]
}

func (f fixture) delivery(id string) *courier.Delivery {
	f.t.Helper()
	d, err := f.Delivery(f.ctx, id)
	f.ok(err)
	return d
}

func TestANewHookIsToldWhatHappensFromThenOn(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		f.logout(f.signInAt(i, now.Add(-time.Hour)), now.Add(-time.Minute))
		f.placed()
		f.logout(f.signInAt(i, now.Add(-time.Hour)), now.Add(-time.Minute)) // without a position yet
		f.ok(f.RegisterHook(f.ctx, hook, now))
		c := f.signIn(i)
		f.logout(c, now.Add(time.Second))
		f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, now.Add(time.Second))
		if n := f.queued(hook, ends...); n != 1 {
			f.t.Errorf("%d deliveries, want 1", n)
		}
		d := f.claimOne(now)
		e := d.Event
		if d.Hook != hook || d.State != courier.Waiting || d.Attempts != 1 || !d.ChangedAt.Equal(now) || !d.TriedAt.Equal(now) || !d.LeasedUntil.Equal(now.Add(leased)) || d.Problem != "" {
			f.t.Errorf("claimed %+v", d)
		}
		if e.Kind != "session_ended" || e.SessionID != c.ID.String() || e.IdentityID != i.ID.String() || e.Reason != "logout" || e.Actor != i.ID.String() || !e.At.Equal(now.Add(time.Second)) || e.ID == "" {
			f.t.Errorf("of the event %+v", e)
		}
		f.run("a hook that was configured all along goes on where it was", func(f fixture) {
			f.logout(f.signIn(i), now)
			f.ok(f.RegisterHook(f.ctx, hook, now.Add(time.Hour)))
			if n := f.queued(hook, ends...); n != 1 {
				f.t.Errorf("%d deliveries, want 1", n)
			}
		})
		f.run("another hook has deliveries of its own", func(f fixture) {
			f.ok(f.RegisterHook(f.ctx, "other", now))
			f.signIn(i)
			f.someone()
			if n := f.queued("other", "session_started", "identity_created"); n != 2 {
				f.t.Errorf("%d deliveries, want 2", n)
			}
			if n := f.queued(hook, ends...); n != 0 {
				f.t.Errorf("%d deliveries of kinds that the hook does not want", n)
			}
		})
		f.run("one that is not registered has none", func(f fixture) {
			f.logout(f.signIn(i), now)
			if n := f.queued("unknown", ends...); n != 0 {
				f.t.Errorf("%d deliveries", n)
			}
		})
	})
}

// TestEachEventBecomesOneDelivery lets several nodes make deliveries while several others end sessions.
func TestEachEventBecomesOneDelivery(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes []fixture) {
		f := nodes[0]
		f.ok(f.RegisterHook(f.ctx, hook, now.Add(-time.Minute)))
		const writers, visits = 4, 60
		var writing sync.WaitGroup
		done := make(chan struct{})
		for n := range writers {
			writing.Go(func() {
				f := nodes[n%len(nodes)]
				i := f.someone()
				for range visits {
					f.logout(f.signIn(i), now)
				}
			})
		}
		go func() { writing.Wait(); close(done) }()
		made := make([]int, 2*len(nodes))
		for _, err := range together(len(made), func(n int) error { return queueUntil(nodes[n%len(nodes)], done, &made[n]) }) {
			f.ok(err)
		}
		total := 0
		for _, n := range made {
			total += n
		}
		total += f.queued(hook, ends...)
		if total != writers*visits || f.number(`SELECT COUNT(DISTINCT event_id) FROM deliveries`) != total || f.number(`SELECT COUNT(*) FROM deliveries`) != total {
			t.Errorf("%d deliveries were reported of %d ends", total, writers*visits)
		}
	})
}

func queueUntil(f fixture, done <-chan struct{}, made *int) error {
	for {
		over := false
		select {
		case <-done:
			over = true
		default:
		}
		if _, _, err := f.PlaceEvents(f.ctx); err != nil {
			return err
		}
		n, more, err := f.QueueDeliveries(f.ctx, hook, ends, now)
		*made += n
		if err != nil || over && !more {
			return err
		}
	}
}

// onNodes runs a part on each engine with as many nodes as share its database.
func onNodes(t *testing.T, part func(t *testing.T, nodes []fixture)) {
	t.Helper()
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			t.Parallel()
			dsn := e.DSN(t)
			nodes := []fixture{opened(t, dsn, Options{})}
			for e.Name == testkit.PostgreSQL && len(nodes) < 3 {
				nodes = append(nodes, opened(t, dsn, Options{}))
			}
			part(t, nodes)
		})
	}
}

// TestADeliveryIsClaimedByOne has many claim at the same time.
func TestADeliveryIsClaimedByOne(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes []fixture) {
		const n = 200
		nodes[0].hooked(n)
		var mu sync.Mutex
		claims := map[string]int{}
		for _, err := range together(8, func(k int) error {
			f := nodes[k%len(nodes)]
			for {
				all, err := f.ClaimDeliveries(f.ctx, hook, now, now.Add(leased), 7)
				if err != nil {
					return err
				}
				mu.Lock()
				for _, d := range all {
					claims[d.ID]++
				}
				over := len(claims) == n
				mu.Unlock()
				if over {
					return nil
				}
			}
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for id, times := range claims {
			if times != 1 {
				t.Errorf("%s was claimed %d times", id, times)
			}
		}
	})
}

func TestDeliveriesOfASessionKeepTheirOrder(t *testing.T) {
	onEach(t, func(f fixture) {
		all := []string{"session_started", "session_ended", "session_deleted", "identity_created", "identity_deleted"}
		f.ok(f.RegisterHook(f.ctx, hook, now))
		i := f.someone()
		a, b := f.signIn(i), f.signIn(i)
		f.logout(a, now)
		f.queued(hook, all...)
		first := f.claim(now, 100)
		if len(first) != 3 || !slices.Equal(kindsOf(first), []string{"identity_created", "session_started", "session_started"}) {
			f.t.Fatalf("due are %v", kindsOf(first))
		}
		failing := of(first, a.ID.String())
		f.ok(f.MarkFailed(f.ctx, failing, "it answered 500", now.Add(time.Minute)))
		f.ok(f.MarkDelivered(f.ctx, of(first, ""), now))
		f.run("what is being sent holds up what follows, and nothing else", func(f fixture) {
			f.end(session.Scope{IDs: []session.ID{a.ID, b.ID}, Delete: true}, now)
			f.queued(hook, all...)
			if got := f.claim(now, 100); len(got) != 0 {
				f.t.Errorf("due are %v", kindsOf(got))
			}
			f.ok(f.DeleteIdentity(f.ctx, i.ID, now))
			f.queued(hook, all...)
			d := f.claimOne(now) // its line is that of the identity
			if d.Event.Kind != "identity_deleted" {
				f.t.Errorf("due is %s", d.Event.Kind)
			}
			f.ok(f.MarkDelivered(f.ctx, d, now))
		})
		f.run("a session whose hook answers goes on while the other waits", func(f fixture) {
			f.ok(f.MarkDelivered(f.ctx, of(first, b.ID.String()), now))
			for _, want := range []string{"session_ended", "session_deleted"} {
				d := f.claimOne(now)
				if d.Event.SessionID != b.ID.String() || d.Event.Kind != want {
					f.t.Errorf("due is %s of %s", d.Event.Kind, d.Event.SessionID)
				}
				f.ok(f.MarkDelivered(f.ctx, d, now))
			}
		})
		f.run("what failed comes first when its pause is over", func(f fixture) {
			at := now.Add(time.Minute)
			d := f.claimOne(at)
			if d.ID != failing.ID || d.Attempts != 2 || d.Problem != "it answered 500" {
				f.t.Errorf("due is %+v", d)
			}
			f.ok(f.MarkDead(f.ctx, d, "it answered 501", at))
			dead := f.delivery(d.ID)
			if dead.State != courier.Dead || dead.Problem != "it answered 501" || !dead.ChangedAt.Equal(at) {
				f.t.Errorf("given up as %+v", dead)
			}
		})
		f.run("what is given up holds up nothing", func(f fixture) {
			at := now.Add(time.Minute)
			for _, want := range []string{"session_ended", "session_deleted"} {
				d := f.claimOne(at)
				if d.Event.SessionID != a.ID.String() || d.Event.Kind != want {
					f.t.Errorf("due is %s of %s", d.Event.Kind, d.Event.SessionID)
				}
				f.ok(f.MarkDelivered(f.ctx, d, at))
			}
			if got := f.claim(at, 100); len(got) != 0 {
				f.t.Errorf("still due are %v", kindsOf(got))
			}
		})
		f.run("a dead one that is revived is new", func(f fixture) {
			at := now.Add(time.Hour)
			f.ok(f.ReviveDelivery(f.ctx, failing.ID, at))
			f.ok(f.ReviveDelivery(f.ctx, failing.ID, at.Add(time.Minute)))
			d := f.claimOne(at)
			if d.ID != failing.ID || d.Attempts != 1 || !d.ChangedAt.Equal(at) {
				f.t.Errorf("due is %+v", d)
			}
			f.ok(f.MarkDelivered(f.ctx, d, at))
			f.ok(f.ReviveDelivery(f.ctx, failing.ID, at))
			if d := f.delivery(failing.ID); d.State != courier.Delivered {
				f.t.Errorf("a delivered one is %s", d.State)
			}
		})
	})
}

// of is the one among deliveries that is of a session, or of none.
func of(all []*courier.Delivery, session string) *courier.Delivery {
	return all[slices.IndexFunc(all, func(d *courier.Delivery) bool { return d.Event.SessionID == session })]
}

func kindsOf(all []*courier.Delivery) (names []string) {
	for _, d := range all {
		names = append(names, d.Event.Kind)
	}
	slices.Sort(names)
	return names
}

func TestALeaseThatIsOverGoesToSomebodyElse(t *testing.T) {
	onEach(t, func(f fixture) {
		f.hooked(1)
		slow := f.claimOne(now)
		if got := f.claim(now.Add(leased-time.Microsecond), 100); len(got) != 0 {
			f.t.Error("a delivery was claimed twice")
		}
		second := f.claimOne(now.Add(leased))
		for what, err := range map[string]error{
			"failed": f.MarkFailed(f.ctx, slow, "too late", now.Add(time.Hour)),
			"dead":   f.MarkDead(f.ctx, slow, "too late", now.Add(time.Hour)),
		} {
			f.ok(err)
			if d := f.delivery(slow.ID); d.Problem != "" || d.State != courier.Waiting || !d.LeasedUntil.Equal(now.Add(2*leased)) {
				f.t.Errorf("%s by a node that has lost its lease: %+v", what, d)
			}
		}
		f.ok(f.MarkDelivered(f.ctx, slow, now.Add(leased))) // it has arrived, whoever has the lease
		f.ok(f.MarkFailed(f.ctx, second, "it answered 500", now))
		f.ok(f.MarkDead(f.ctx, second, "it answered 500", now))
		if d := f.delivery(slow.ID); d.State != courier.Delivered || d.Problem != "" {
			f.t.Errorf("after its arrival: %+v", d)
		}
	})
}

func TestDeliveriesAreListed(t *testing.T) {
	onEach(t, func(f fixture) {
		f.hooked(9)
		for n, d := range f.claim(now, 6) {
			at := now.Add(time.Duration(1+n/2) * time.Minute)
			if n%2 == 0 {
				f.ok(f.MarkDelivered(f.ctx, d, at))
			} else {
				f.ok(f.MarkDead(f.ctx, d, "it answered 500", at))
			}
		}
		for state, want := range map[courier.State]int{"": 9, courier.Waiting: 3, courier.Delivered: 3, courier.Dead: 3} {
			f.run("in the state "+string(state), func(f fixture) {
				whole, err := f.ListDeliveries(f.ctx, courier.Filter{State: state, Limit: 100})
				f.ok(err)
				var paged []string
				filter := courier.Filter{State: state, Limit: 2}
				for {
					page, err := f.ListDeliveries(f.ctx, filter)
					f.ok(err)
					for _, d := range page {
						paged = append(paged, d.ID)
						filter.AfterChanged, filter.AfterID = d.ChangedAt, d.ID
					}
					if len(page) < 2 {
						break
					}
				}
				var ids []string
				for n, d := range whole {
					ids = append(ids, d.ID)
					if state != "" && d.State != state || n > 0 && d.ChangedAt.After(whole[n-1].ChangedAt) {
						f.t.Errorf("%s is %s since %v", d.ID, d.State, d.ChangedAt)
					}
				}
				if len(ids) != want || !slices.Equal(ids, paged) {
					f.t.Errorf("%d deliveries, in pages %d; want %d", len(ids), len(paged), want)
				}
			})
		}
		if waiting, dead, err := f.CountDeliveries(f.ctx); err != nil || waiting != 3 || dead != 3 {
			f.t.Errorf("counted %d and %d, %v", waiting, dead, err)
		}
		for _, id := range []string{"", "nope", "a\x00b", "\xff"} {
			_, err := f.Delivery(f.ctx, id)
			f.is(err, courier.ErrNotFound)
		}
	})
}

func TestDeliveriesAreCollected(t *testing.T) {
	onEach(t, func(f fixture) {
		const retention = 90 * 24 * time.Hour
		f.hooked(3)
		f.ok(f.RegisterHook(f.ctx, "gone", now.Add(-retention-time.Second)))
		all := f.claim(now, 3)
		f.ok(f.MarkDelivered(f.ctx, all[0], now))
		f.ok(f.MarkDead(f.ctx, all[1], "it answered 500", now))
		c := &Collector{Store: f.Store, Batch: 1, Margin: retention, Retention: retention}
		for _, step := range []struct {
			after       time.Duration
			left, hooks int
		}{{0, 3, 1}, {deliveredMargin, 3, 1}, {deliveredMargin + time.Second, 2, 1}, {retention, 2, 1}, {retention + time.Second, 0, 0}} {
			_, err := c.Collect(f.ctx, now.Add(step.after))
			f.ok(err)
			left, hooks := f.number(`SELECT COUNT(*) FROM deliveries`), f.number(`SELECT COUNT(*) FROM hooks`)
			if left != step.left || hooks != step.hooks {
				f.t.Errorf("after %v there are %d deliveries of %d hooks, want %d of %d", step.after, left, hooks, step.left, step.hooks)
			}
		}

		// However short events are kept, a hook that is named once an hour stays.
		f.ok(f.RegisterHook(f.ctx, hook, now))
		c.Retention = time.Minute
		for after, want := range map[time.Duration]int{hookMargin: 1, hookMargin + time.Second: 0} {
			f.ok(f.RegisterHook(f.ctx, hook, now))
			_, err := c.Collect(f.ctx, now.Add(after))
			f.ok(err)
			if n := f.number(`SELECT COUNT(*) FROM hooks`); n != want {
				f.t.Errorf("after %v there are %d hooks, want %d", after, n, want)
			}
		}
	})
}

// TestABacklogIsQueuedInShortTransactions begins with more events than one looks at; the start of a session is no delivery.
func TestABacklogIsQueuedInShortTransactions(t *testing.T) {
	onEach(t, func(f fixture) {
		f.ok(f.RegisterHook(f.ctx, hook, now))
		i := f.someone()
		var all []*identity.Identity
		for range 700 {
			all = append(all, testkit.Identity(testkit.Email()))
		}
		_, err := f.InsertIdentities(f.ctx, all)
		f.ok(err)
		f.logout(f.signIn(i), now)
		f.placed()
		var made []string
		for range 3 {
			n, more, err := f.QueueDeliveries(f.ctx, hook, []string{"identity_created", "session_ended"}, now)
			f.ok(err)
			made = append(made, fmt.Sprint(n, more))
		}
		if want := []string{"499 true", "203 true", "0 false"}; !slices.Equal(made, want) {
			f.t.Errorf("made %v, want %v", made, want)
		}
	})
}
