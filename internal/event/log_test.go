package event_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"exeunt/internal/event"
	"exeunt/internal/identity"
	"exeunt/internal/store"
	"exeunt/internal/testkit"
)

// node is one process on a database, with its log.
type node struct {
	*event.Log
	t     *testing.T
	store *store.Store
}

// onEach runs a test on every engine, with as many nodes on one database as the engine allows. A node looks for events
// of others so often.
func onEach(t *testing.T, look time.Duration, test func(t *testing.T, nodes []node)) {
	t.Helper()
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			t.Parallel()
			dsn := e.DSN(t)
			nodes := []node{opened(t, dsn, look)}
			if e.Name == testkit.PostgreSQL {
				nodes = append(nodes, opened(t, dsn, look))
			}
			test(t, nodes)
		})
	}
}

func opened(t *testing.T, dsn string, look time.Duration) node {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := event.NewLog(s)
	l.LookEach(look)
	return node{Log: l, t: t, store: s}
}

// happen writes one event, and returns the identity that it is about.
func (n node) happen() string {
	n.t.Helper()
	i := testkit.Identity(testkit.Email())
	if err := n.store.InsertIdentity(n.t.Context(), i); err != nil {
		n.t.Fatal(err)
	}
	return i.ID.String()
}

func (n node) list(after int64, limit int, f event.Filter) event.Page {
	n.t.Helper()
	p, err := n.List(n.t.Context(), after, limit, f)
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

// follow hands over whom events are about until the test ends.
func (n node) follow(after int64, f event.Filter) <-chan string {
	about := make(chan string, 1000)
	ctx, cancel := context.WithCancel(n.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- n.Follow(ctx, after, f, func(p event.Page) error {
			for _, e := range p.Events {
				about <- e.IdentityID
			}
			return nil
		})
	}()
	n.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			n.t.Errorf("following ended with %v", err)
		}
	})
	return about
}

func expect(t *testing.T, about <-chan string, want string) {
	t.Helper()
	select {
	case got := <-about:
		if got != want {
			t.Fatalf("an event about %s, want %s", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
	}
}

func TestPagesFollowOneAnother(t *testing.T) {
	onEach(t, time.Hour, func(t *testing.T, nodes []node) {
		n := nodes[0]
		if p := n.list(0, 10, event.Filter{}); len(p.Events) != 0 || p.Through != 0 {
			t.Errorf("an empty log: %+v", p)
		}
		var all []string
		for i := range 7 {
			all = append(all, nodes[i%len(nodes)].happen())
		}
		var after int64
		for len(all) > 0 {
			p := n.list(after, 3, event.Filter{})
			for _, e := range p.Events {
				if e.IdentityID != all[0] {
					t.Fatalf("an event about %s, want %s", e.IdentityID, all[0])
				}
				all, after = all[1:], p.Through
			}
		}
		if p := n.list(after, 3, event.Filter{}); len(p.Events) != 0 || p.Through != after {
			t.Errorf("at the end: %+v", p)
		}
		last := n.happen()
		if p := n.list(after, 3, event.Filter{IdentityID: last}); len(p.Events) != 1 || p.Through <= after {
			t.Errorf("after the end: %+v", p)
		}
		if p := n.list(after, 3, event.Filter{Kind: "session_ended"}); len(p.Events) != 0 || p.Through <= after {
			t.Errorf("a filter that chooses nothing looks on from %d next", p.Through)
		}
		if _, err := n.List(t.Context(), after+100, 3, event.Filter{}); !errors.Is(err, event.ErrAhead) {
			t.Errorf("behind the end: %v", err)
		}
	})
}

func TestWhoeverLooksAtTheEndNeedNotWaitForALongTimeWithoutReaders(t *testing.T) {
	onEach(t, time.Hour, func(t *testing.T, nodes []node) {
		n := nodes[0]
		for range 4 {
			var many []*identity.Identity
			for range 600 {
				many = append(many, testkit.Identity(testkit.Email()))
			}
			if _, err := n.store.InsertIdentities(t.Context(), many); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { n.Run(ctx); close(ended) }()
		counted := func() (sum int64) {
			all, err := n.Hours(t.Context(), time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range all {
				sum += h.Count
			}
			return sum
		}
		for begun := time.Now(); counted() < 2400; {
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("counted %d of 2400", counted())
			}
		}
		last := n.happen()
		if p, err := n.Latest(t.Context(), 0, 1, event.Filter{}); err != nil || len(p.Events) != 1 || p.Events[0].IdentityID != last {
			t.Errorf("the last event is %+v: %v", p.Events, err)
		}
		stop()
		<-ended
	})
}

func TestTheEndOfTheLogIsBehindAllThatHasHappened(t *testing.T) {
	onEach(t, time.Hour, func(t *testing.T, nodes []node) {
		var many []*identity.Identity
		for range 600 { // more than get a position at once
			many = append(many, testkit.Identity(testkit.Email()))
		}
		if _, err := nodes[0].store.InsertIdentities(t.Context(), many); err != nil {
			t.Fatal(err)
		}
		end, err := nodes[0].End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p := nodes[len(nodes)-1].list(end, 10, event.Filter{}); len(p.Events) != 0 {
			t.Errorf("%d events after the end", len(p.Events))
		}
		if p := nodes[0].list(0, 1000, event.Filter{}); len(p.Events) != 600 {
			t.Errorf("%d events up to the end", len(p.Events))
		}
	})
}

func TestFollowersAreWokenByTheirOwnProcess(t *testing.T) {
	onEach(t, time.Hour, func(t *testing.T, nodes []node) { // nobody looks by himself
		n := nodes[0]
		old := n.happen()
		end, err := n.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		whole, rest, none := n.follow(0, event.Filter{}), n.follow(end, event.Filter{}), n.follow(0, event.Filter{Kind: "session_ended"})
		expect(t, whole, old)
		for range 20 {
			about := n.happen()
			expect(t, whole, about)
			expect(t, rest, about)
		}
		if len(whole)+len(rest)+len(none) != 0 {
			t.Error("an event came twice, or to somebody who did not ask for it")
		}
	})
}

func TestFollowersFindWhatHappensOnOtherNodes(t *testing.T) {
	onEach(t, 10*time.Millisecond, func(t *testing.T, nodes []node) {
		one, other := nodes[0], nodes[len(nodes)-1]
		about := one.follow(0, event.Filter{})
		for range 5 {
			expect(t, about, other.happen())
			expect(t, about, one.happen())
		}
	})
}

func TestAFollowerMissesNothingWhileManyWrite(t *testing.T) {
	onEach(t, 10*time.Millisecond, func(t *testing.T, nodes []node) {
		const each = 100
		about := nodes[0].follow(0, event.Filter{})
		happened := make(chan string, each*4)
		for k := range 4 {
			go func() {
				n := nodes[k%len(nodes)]
				for range each {
					happened <- n.happen()
				}
			}()
		}
		want, got := map[string]bool{}, map[string]bool{}
		for range 4 * each {
			want[<-happened] = true
			select {
			case who := <-about:
				if got[who] {
					t.Fatal("an event came twice")
				}
				got[who] = true
			case <-time.After(30 * time.Second):
				t.Fatalf("%d of %d events came", len(got), 4*each)
			}
		}
		for who := range want {
			if !got[who] {
				t.Errorf("the event about %s did not come", who)
			}
		}
	})
}

func TestAFollowerWhoseHandIsFullEnds(t *testing.T) {
	onEach(t, time.Hour, func(t *testing.T, nodes []node) {
		nodes[0].happen()
		full := errors.New("full")
		if err := nodes[0].Follow(t.Context(), 0, event.Filter{}, func(event.Page) error { return full }); !errors.Is(err, full) {
			t.Errorf("it ended with %v", err)
		}
	})
}
