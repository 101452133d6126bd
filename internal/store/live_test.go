package store

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func liveSession(i *identity.Identity) client {
	s, secret := testkit.Session(i, now)
	s.FoundBy = secret.Hash().Key()
	return client{s, secret.Hash()}
}

// in has the client's token begin in another way.
func (c client) in(shard byte) client {
	c.token[0] = shard
	c.FoundBy = c.token.Key()
	return c
}

// apply commits effects.
func (t *liveTable) apply(effects []effect) {
	over := t.leave([]*job{{tx: &tx{effects: effects}}})
	t.settle(effects, true)
	over()
}

func (t *liveTable) put(c client) { t.fill(c.Session, t.ticket(c.FoundBy)) }

// find returns the session in whichever form the table holds it, or nil.
func (t *liveTable) find(token session.TokenHash) *session.Session {
	if found := t.ready.get(token.Key()); found != nil {
		return found
	}
	return t.unready(token.Key())
}

func TestLiveTableHoldsNothingStale(t *testing.T) {
	i := testkit.Identity(testkit.Email())
	for sentence, row := range map[string]struct {
		meanwhile func(table *liveTable, c client) // between the read and the fill
		found     bool
	}{
		"what was read is found": {func(*liveTable, client) {}, true},
		"what ended since the read is not put back": {func(l *liveTable, c client) {
			l.apply([]effect{{kind: sessionEnded, token: c.token}})
		}, false},
		"nor what was extended since": {func(l *liveTable, c client) {
			l.apply([]effect{{kind: sessionExtended, token: c.token}})
		}, false},
		"nor what belongs to an identity that changed": {func(l *liveTable, _ client) {
			l.apply([]effect{{kind: identityChanged, identity: i.ID}})
		}, false},
		"nor what somebody else put in before it ended": {func(l *liveTable, c client) {
			l.put(c)
			l.apply([]effect{{kind: sessionEnded, token: c.token}})
		}, false},
		"nor what everybody lost": {func(l *liveTable, c client) {
			l.put(c)
			l.apply([]effect{{kind: everythingChanged}})
		}, false},
		"the end of a session on another stripe does not matter": {func(l *liveTable, c client) {
			other := c.token
			other[0]++
			l.apply([]effect{{kind: sessionEnded, token: other}})
		}, true},
	} {
		for size, bytes := range map[string]int64{"compact alone": 1 << 20, "ready too": 64 << 20} {
			t.Run(sentence+", "+size, func(t *testing.T) {
				table, c := newLiveTable(bytes), liveSession(i)
				ticket := table.ticket(c.FoundBy)
				row.meanwhile(table, c)
				table.fill(c.Session, ticket)
				for range 2 {
					if found := table.find(c.token) != nil; found != row.found {
						t.Errorf("found: %v", found)
					}
				}
				whole(t, table)
			})
		}
	}
}

func TestAUseIsNotedInBothForms(t *testing.T) {
	for _, bytes := range []int64{1 << 20, 64 << 20} {
		table, c := newLiveTable(bytes), liveSession(testkit.Identity(testkit.Email()))
		table.put(c)
		table.apply([]effect{{kind: sessionSeen, token: c.token, seen: micros(now) + 1, expires: micros(c.ExpiresAt) + 1}})
		whole(t, table)
		for n, got := range []*session.Session{table.find(c.token), table.unpack(c.FoundBy)} {
			if !got.LastSeenAt.Equal(now.Add(time.Microsecond)) || !got.ExpiresAt.Equal(c.ExpiresAt.Add(time.Microsecond)) {
				t.Errorf("%d bytes, %d: seen %v, expires %v", bytes, n, got.LastSeenAt, got.ExpiresAt)
			}
		}
	}
}

// TestReadThatRacesAnEndDoesNotReviveIt lets readers read and fill all the time while sessions end.
func TestReadThatRacesAnEndDoesNotReviveIt(t *testing.T) {
	for _, bytes := range []int64{1 << 20, 64 << 20} {
		raceAnEnd(t, newLiveTable(bytes))
	}
}

func raceAnEnd(t *testing.T, table *liveTable) {
	i := testkit.Identity(testkit.Email())
	for range 200 {
		c := liveSession(i)
		var ended atomic.Bool // the row
		var answered atomic.Bool
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for range 20 {
					over := answered.Load()
					if table.find(c.token) != nil && over {
						t.Error("an ended session is in the table")
					}
					ticket := table.ticket(c.FoundBy)
					live := !ended.Load()
					runtime.Gosched()
					if live {
						table.fill(c.Session, ticket)
					}
				}
			})
		}
		group.Go(func() {
			runtime.Gosched()
			ended.Store(true)
			table.apply([]effect{{kind: sessionEnded, token: c.token}})
			answered.Store(true)
		})
		group.Wait()
		if table.find(c.token) != nil {
			t.Fatal("an ended session is in the table at the end")
		}
	}
}

// What is found while an identity changes must not stay behind.
func TestFindingThatRacesAChangeOfTheIdentityLeavesNothingBehind(t *testing.T) {
	for name, change := range map[string]func(i *identity.Identity) effect{
		"the identity": func(i *identity.Identity) effect { return effect{kind: identityChanged, identity: i.ID} },
		"everything":   func(*identity.Identity) effect { return effect{kind: everythingChanged} },
	} {
		table := newLiveTable(64 << 20)
		over := make(chan struct{})
		var readers sync.WaitGroup
		var shown atomic.Pointer[client]
		for range 2 {
			readers.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
						if c := shown.Load(); c != nil {
							table.find(c.token)
						}
					}
				}
			})
		}
		for range 3000 {
			i := testkit.Identity("a@example.org")
			c := liveSession(i).in(0) // the stripe whose counter moves first
			table.put(c)
			s := table.shard(c.FoundBy)
			s.mu.Lock()
			s.remove(c.FoundBy) // in compact form alone
			s.mu.Unlock()
			shown.Store(&c)
			table.apply([]effect{change(i)})
			if table.find(c.token) != nil {
				t.Fatalf("%s has changed, and a session is shown as it was", name)
			}
		}
		close(over)
		readers.Wait()
	}
}

func TestLiveTableKeepsItsBound(t *testing.T) {
	owners := make([]*identity.Identity, 5)
	for n := range owners {
		owners[n] = testkit.Identity(testkit.Email())
		owners[n].Traits = []byte(`"` + strings.Repeat("x", n*1000) + `"`)
	}
	rapid.Check(t, func(r *rapid.T) {
		table := newLiveTable(int64(rapid.SampledFrom([]int{1, 2000, 5000, 9000, 40000}).Draw(r, "bytes for each stripe")) * liveShards * readyPart)
		clients := make([]client, 12)
		for n := range clients {
			clients[n] = liveSession(owners[n%len(owners)]).in(byte(n % 2)) // crowd two stripes
		}
		for range rapid.IntRange(1, 40).Draw(r, "actions") {
			c := clients[rapid.IntRange(0, len(clients)-1).Draw(r, "client")]
			switch rapid.IntRange(0, 6).Draw(r, "action") {
			case 6:
				held := table.ready.get(c.FoundBy)
				table.apply([]effect{{kind: sessionSeen, token: c.token, seen: micros(now) + 1, expires: micros(c.ExpiresAt)}})
				if after := table.ready.get(c.FoundBy); (after == nil) != (held == nil) || after != nil && (after == held || after.ID != c.ID) {
					r.Fatal("being seen has changed what is there, or nothing of it")
				}
			case 0:
				table.apply([]effect{{kind: sessionEnded, token: c.token}})
				if table.find(c.token) != nil {
					r.Fatal("an ended session is found")
				}
			case 1:
				table.apply([]effect{{kind: identityChanged, identity: c.IdentityID}})
				for _, o := range clients {
					if o.IdentityID == c.IdentityID && table.find(o.token) != nil {
						r.Fatal("a session of a changed identity is found")
					}
				}
			default:
				table.put(c)
				if found := table.find(c.token); (found == c.Session) != (weight(c.Session) <= table.shard(c.FoundBy).maxBytes) {
					r.Fatalf("found %v in a table of %d", found, table.shard(c.FoundBy).maxBytes)
				}
				if found := table.unpack(c.FoundBy); found == nil && len(table.shelf.shards[0].ring) > 8*5000 {
					r.Fatal("it is not there in compact form")
				}
			}
			whole(r, table)
		}
	})
}

// whole checks that the books of a table agree with what it holds.
func whole(t interface{ Errorf(string, ...any) }, table *liveTable) {
	for n := range table.shards {
		s := &table.shards[n]
		var bytes int64
		held := 0
		for i := range s.lines {
			for j := range s.lines[i] {
				one := s.lines[i][j].session.Load()
				if one == nil {
					continue
				}
				held++
				bytes += weight(one)
				if _, ok := s.byIdentity[one.IdentityID][one.FoundBy]; !ok {
					t.Errorf("a session is not listed with its identity")
				}
				if table.ready.get(one.FoundBy) != one {
					t.Errorf("a session is not found where it is")
				}
			}
		}
		for _, keys := range s.byIdentity {
			if len(keys) == 0 {
				t.Errorf("an identity without sessions is listed")
			}
		}
		if bytes != s.bytes || bytes > s.maxBytes || s.len() != held {
			t.Errorf("%d bytes are booked as %d, the bound is %d; %d of %d sessions are owned", bytes, s.bytes, s.maxBytes, s.len(), held)
		}
	}
}

func TestSessionTooLargeForTheTableDrivesNoneOut(t *testing.T) {
	table := newLiveTable(6000 * liveShards * readyPart)
	small, large := liveSession(testkit.Identity(testkit.Email())), liveSession(testkit.Identity(testkit.Email()))
	large.Identity.Traits = make([]byte, 10000)
	large.FoundBy = small.FoundBy
	large.FoundBy[15]++ // of the same line
	table.put(small)
	table.put(large)
	if table.ready.get(small.FoundBy) == nil || table.ready.get(large.FoundBy) != nil {
		t.Error("the small session is gone or the large one is in")
	}
}

func TestChecksWorkWithATableOfAnySize(t *testing.T) {
	for _, bytes := range []int64{1, 1 << 20, 10000 * liveShards * readyPart, 64 << 20} {
		f := opened(t, testkit.File(t), Options{CacheBytes: bytes})
		i := f.someone()
		var clients []client
		for n := range 40 {
			c := f.signIn(i)
			clients = append(clients, c)
			if n%3 == 0 {
				f.check(c)
				f.logout(c, now)
			}
		}
		for range 2 {
			for n, c := range clients {
				if got := f.check(c); got.Valid(now) != (n%3 != 0) || got.ID != c.ID {
					t.Errorf("with %d bytes: session %d, valid %v", bytes, n, got.Valid(now))
				}
			}
		}
		table := f.engine.(*sqliteEngine).live
		whole(t, table)
		if n := f.Stats().CachedSessions; n != table.len() || (n == 0) != (bytes <= 1<<20) || n > len(clients) {
			t.Errorf("with %d bytes: %d sessions are held", bytes, n)
		}
	}
}

func TestTableIsFilledByChecksAndNeverByEndedSessions(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	i := f.someone()
	c, ended := f.signIn(i), f.signIn(i)
	f.logout(ended, now)
	f.check(c)
	f.check(ended)
	if n := f.Stats().CachedSessions; n != 1 {
		t.Errorf("%d sessions are held, want 1", n)
	}
	if first := f.check(c); first != f.check(c) {
		t.Error("a second check does not come from the table")
	}
	f.end(session.Scope{All: true}, now)
	if n := f.Stats().CachedSessions; n != 0 {
		t.Errorf("%d sessions are held after their end", n)
	}
}
