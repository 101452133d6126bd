package store

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/event"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// began stores a session that began so long before now, changed as the test wants it.
func (f fixture) began(i *identity.Identity, ago time.Duration, change func(*session.Session)) session.ID {
	f.t.Helper()
	s, secret := testkit.Session(i, now.Add(-ago))
	s.ExpiresAt, s.DeadlineAt = now.Add(time.Hour), now.Add(time.Hour)
	change(s)
	if err := f.InsertSession(f.ctx, s, secret.Hash(), session.Limit{}); err != nil {
		f.t.Fatal(err)
	}
	return s.ID
}

func (f fixture) stored(email string) *identity.Identity {
	f.t.Helper()
	i := testkit.Identity(email)
	if err := f.InsertIdentity(f.ctx, i); err != nil {
		f.t.Fatal(err)
	}
	return i
}

func TestASearchFindsWhatIsAskedForAndNothingElse(t *testing.T) {
	onEach(t, func(f fixture) {
		ada, bob := f.stored("ada@example.org"), f.stored("bob@example.org")
		plain := f.began(ada, time.Minute, func(*session.Session) {})
		second := f.began(ada, 2*time.Hour, func(s *session.Session) {
			s.AAL = identity.AAL2
			s.Methods = append(s.Methods, session.MethodUse{Method: "totp", AAL: identity.AAL2, CompletedAt: now})
			s.Devices[0].IP, s.Devices[0].UserAgent = "2001:db8::1", `Fire"fox_100%!`
		})
		ended := f.began(bob, 3*time.Hour, func(*session.Session) {})
		if _, err := f.EndSessions(f.ctx, session.Scope{IDs: []session.ID{ended}}, session.End{At: now, Reason: session.RevokedByAdmin, By: "boss"}); err != nil {
			f.t.Fatal(err)
		}
		for name, c := range map[string]struct {
			ask  func(*session.Search)
			want []session.ID
		}{
			"everything":             {func(*session.Search) {}, []session.ID{plain, second, ended}},
			"one person's":           {func(q *session.Search) { q.Identity = &ada.ID }, []session.ID{plain, second}},
			"live ones":              {func(q *session.Search) { q.State = session.Running }, []session.ID{plain, second}},
			"those that are over":    {func(q *session.Search) { q.State = session.Over }, []session.ID{ended}},
			"by reason":              {func(q *session.Search) { q.Reason = session.RevokedByAdmin }, []session.ID{ended}},
			"by another reason":      {func(q *session.Search) { q.Reason = session.Logout }, nil},
			"by level":               {func(q *session.Search) { q.AAL = identity.AAL2 }, []session.ID{second}},
			"by method":              {func(q *session.Search) { q.Method = "totp" }, []session.ID{second}},
			"by a part of a method":  {func(q *session.Search) { q.Method = "tot" }, nil},
			"by address":             {func(q *session.Search) { q.Address = netip.MustParseAddr("2001:db8:0::1") }, []session.ID{second}},
			"by a part of one":       {func(q *session.Search) { q.Address = netip.MustParseAddr("192.0.2.70") }, nil},
			"by browser":             {func(q *session.Search) { q.Browser = "BROWSER/1" }, []session.ID{plain, ended}},
			"by odd letters":         {func(q *session.Search) { q.Browser = `fire"FOX_100%!` }, []session.ID{second}},
			"by what is a pattern":   {func(q *session.Search) { q.Browser = "%" }, []session.ID{second}},
			"by where it was":        {func(q *session.Search) { q.Browser = "Ghent" }, nil},
			"by what cannot be kept": {func(q *session.Search) { q.Browser = "\x00" }, nil},
			"young ones":             {func(q *session.Search) { q.Since = now.Add(-time.Hour) }, []session.ID{plain}},
			"older ones":             {func(q *session.Search) { q.AfterCreated = now.Add(-time.Hour) }, []session.ID{second, ended}},
		} {
			f.run(name, func(f fixture) {
				q := session.Search{Now: now, Limit: 10, Scan: 100}
				c.ask(&q)
				if got := f.search(q); !slices.Equal(got.ids, c.want) || got.More {
					f.t.Errorf("found %v, want %v; more: %v", got.ids, c.want, got.More)
				}
			})
		}
		f.run("it goes on where it stopped, whatever stopped it", func(f fixture) {
			for _, q := range []session.Search{{Now: now, Limit: 1, Scan: 100}, {Now: now, Limit: 10, Scan: 1}, {Now: now, Limit: 10, Scan: 1, Identity: &ada.ID}} {
				want := []session.ID{plain, second, ended}
				if q.Identity != nil {
					want = want[:2]
				}
				var all []session.ID
				for rounds := 0; ; rounds++ {
					got := f.search(q)
					all = append(all, got.ids...)
					if !got.More || rounds > 5 {
						break
					}
					q.AfterCreated, q.AfterID = got.AfterCreated, got.AfterID
				}
				if !slices.Equal(all, want) {
					f.t.Errorf("found %v, want %v", all, want)
				}
			}
		})
		f.run("counting looks at as many as it is told", func(f fixture) {
			rows := int(f.number(`SELECT COUNT(*) FROM sessions`))
			for scan, whole := range map[int]bool{rows + 1: true, rows: false, 1: false} {
				n, more, err := f.CountRunning(f.ctx, now, scan)
				if err != nil || more == whole || n > min(scan, 2) || (scan >= rows && n != 2) {
					f.t.Errorf("counted %d of %d, more: %t: %v", n, scan, more, err)
				}
			}
		})
	})
}

type foundIDs struct {
	session.Found
	ids []session.ID
}

func (f fixture) search(q session.Search) foundIDs {
	f.t.Helper()
	got, err := f.SearchSessions(f.ctx, q)
	if err != nil {
		f.t.Fatal(err)
	}
	all := foundIDs{Found: got}
	for _, s := range got.Sessions {
		all.ids = append(all.ids, s.ID)
	}
	return all
}

func TestIdentifiersAreFoundByHowTheyBegin(t *testing.T) {
	onEach(t, func(f fixture) {
		for _, email := range []string{"ada@example.org", "adam@example.org", "bob@example.org", "a_a@example.org", "a%a@example.org"} {
			f.stored(email)
		}
		for prefix, want := range map[string][]string{
			"ada": {"ada@example.org", "adam@example.org"}, "a_": {"a_a@example.org"}, "a%": {"a%a@example.org"}, "z": nil, "\x00": nil,
			"": {"a%a@example.org", "a_a@example.org", "ada@example.org"},
		} {
			found, err := f.Identifiers(f.ctx, prefix, "", 3)
			var got []string
			for _, one := range found {
				got = append(got, one.Text)
			}
			if err != nil || !slices.Equal(got, want) {
				f.t.Errorf("%q: %q, %v", prefix, got, err)
			}
		}
		if found, err := f.Identifiers(f.ctx, "ada", "ada@example.org", 3); err != nil || len(found) != 1 || found[0].Text != "adam@example.org" {
			f.t.Errorf("after the first: %v, %v", found, err)
		}
	})
}

func TestWhatHappensIsCountedByTheHourOnce(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.stored("ada@example.org")
		var ids []session.ID
		for _, ago := range []time.Duration{0, time.Minute, 2 * time.Hour} {
			ids = append(ids, f.began(i, ago, func(*session.Session) {}))
		}
		f.counted(map[string]int64{})
		f.place()
		f.place()
		if _, err := f.EndSessions(f.ctx, session.Scope{IDs: ids[:2]}, byAdmin(now)); err != nil {
			f.t.Fatal(err)
		}
		f.place()
		f.counted(map[string]int64{"session_started ": 2, "identity_created ": 1, "session_ended revoked_by_admin": 2})
		n, err := (&Collector{Store: f.Store, Batch: 10, Retention: time.Hour}).Collect(context.Background(), now.Add(3*time.Hour))
		if err != nil || n == 0 {
			f.t.Fatalf("collected %d: %v", n, err)
		}
		f.counted(map[string]int64{})
	})
}

// place gives positions to all events.
func (f fixture) place() {
	f.t.Helper()
	for more := true; more; {
		var err error
		if _, more, err = f.PlaceEvents(f.ctx); err != nil {
			f.t.Fatal(err)
		}
	}
}

// counted compares what is counted of the present hour.
func (f fixture) counted(want map[string]int64) {
	f.t.Helper()
	all, err := f.Hours(f.ctx, now.Truncate(time.Hour))
	if err != nil {
		f.t.Fatal(err)
	}
	got := map[string]int64{}
	for _, h := range all {
		got[h.Kind+" "+h.Reason] += h.Count
	}
	if len(got) != len(want) {
		f.t.Errorf("counted %v, want %v", got, want)
	}
	for what, n := range want {
		if got[what] != n {
			f.t.Errorf("counted %d of %s, want %d", got[what], what, n)
		}
	}
}

func TestTheLastEventsComeFirst(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.stored("ada@example.org")
		for ago := range 3 {
			f.began(i, time.Duration(ago)*time.Minute, func(*session.Session) {})
		}
		f.place()
		all, err := f.Events(f.ctx, 0, 1000, 2, event.Filter{Kind: "session_started", Newest: true})
		if err != nil || len(all) != 2 || all[0].Position <= all[1].Position {
			f.t.Fatalf("%+v: %v", all, err)
		}
		before, err := f.Events(f.ctx, 0, all[1].Position-1, 2, event.Filter{Kind: "session_started", Newest: true})
		if err != nil || len(before) != 1 {
			f.t.Errorf("before them: %+v: %v", before, err)
		}
	})
}

func TestAVisitThatWasEndedStaysEnded(t *testing.T) {
	onEach(t, func(f fixture) {
		v := admin.Visit{ID: "x", Actor: "backend", Expires: now.Add(time.Hour)}
		f.ok(f.StartVisit(f.ctx, v, now))
		for range 2 {
			f.ok(f.EndVisit(f.ctx, v, now.Add(time.Minute)))
		}
		f.ok(f.EndVisit(f.ctx, admin.Visit{ID: "z", Expires: now.Add(time.Hour)}, now)) // of nobody in particular
		if n := f.number(`SELECT COUNT(*) FROM events WHERE kind IN ('visit_started', 'visit_ended') AND actor = 'backend'`); n != 2 ||
			f.number(`SELECT COUNT(*) FROM events WHERE kind LIKE 'visit_%'`) != 2 {
			f.t.Errorf("%d events tell of a visit that was ended twice", n)
		}
		for id, want := range map[string]bool{"x": true, "y": false} {
			if ended, err := f.VisitEnded(f.ctx, id); err != nil || ended != want {
				f.t.Errorf("%s: %v, %v", id, ended, err)
			}
		}
		for _, at := range []time.Duration{30 * time.Minute, 2 * time.Hour} {
			if _, err := (&Collector{Store: f.Store, Batch: 10}).Collect(f.ctx, now.Add(at)); err != nil {
				f.t.Fatal(err)
			}
			if ended, err := f.VisitEnded(f.ctx, "x"); err != nil || ended != (at < time.Hour) {
				f.t.Errorf("after %v: %v, %v", at, ended, err)
			}
		}
	})
}
