package store

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/courier"
	"exeunt/internal/event"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

var now = testkit.Now

// fixture is a store under test, with shorthands that fail the test.
type fixture struct {
	*Store
	t   *testing.T
	ctx context.Context
	dsn string
}

// onEach runs a part of the conformance suite on every engine, side by side, each time with an empty store.
func onEach(t *testing.T, part func(f fixture)) {
	t.Helper()
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			t.Parallel()
			part(opened(t, e.DSN(t), Options{}))
		})
	}
}

// opened opens and migrates the store at dsn for the length of the test.
func opened(t *testing.T, dsn string, o Options) fixture {
	t.Helper()
	s, err := Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it already
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return fixture{Store: s, t: t, ctx: t.Context(), dsn: dsn}
}

// run runs a sub-test on the same store.
func (f fixture) run(sentence string, part func(f fixture)) {
	f.t.Helper()
	f.t.Run(sentence, func(t *testing.T) {
		f.t, f.ctx = t, t.Context()
		part(f)
	})
}

func (f fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) is(err, want error) {
	f.t.Helper()
	if !errors.Is(err, want) {
		f.t.Fatalf("got error %v, want %v", err, want)
	}
}

// someone stores a new identity.
func (f fixture) someone() *identity.Identity {
	f.t.Helper()
	i := testkit.Identity(testkit.Email())
	f.ok(f.InsertIdentity(f.ctx, i))
	return i
}

// client is somebody with a session.
type client struct {
	*session.Session
	token session.TokenHash
}

func (f fixture) signIn(i *identity.Identity) client { return f.signInAt(i, now) }

func (f fixture) signInAt(i *identity.Identity, at time.Time) client {
	f.t.Helper()
	s, token := testkit.Session(i, at)
	f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
	return client{s, token.Hash()}
}

// check returns the stored session of a client, which must exist.
func (f fixture) check(c client) *session.Session {
	f.t.Helper()
	s, err := f.SessionByToken(f.ctx, c.token)
	f.ok(err)
	return s
}

// valid reports whether the client is signed in at a moment.
func (f fixture) valid(c client, at time.Time) bool {
	f.t.Helper()
	s, err := f.SessionByToken(f.ctx, c.token)
	if errors.Is(err, session.ErrNone) {
		return false
	}
	f.ok(err)
	return s.Valid(at)
}

// logout ends the client's session and reports what the store says.
func (f fixture) logout(c client, at time.Time) bool {
	f.t.Helper()
	revoked, err := f.EndByToken(f.ctx, c.token, session.End{At: at, Reason: session.Logout})
	f.ok(err)
	return revoked
}

func (f fixture) end(scope session.Scope, at time.Time) int {
	f.t.Helper()
	done, err := f.EndSessions(f.ctx, scope, byAdmin(at))
	f.ok(err)
	return done.Count
}

func byAdmin(at time.Time) session.End {
	return session.End{At: at, Reason: session.RevokedByAdmin, By: session.Admin}
}

// update stores a change of an identity at the next microsecond.
func (f fixture) update(i *identity.Identity, change func(next *identity.Identity)) *identity.Identity {
	f.t.Helper()
	next := *i
	next.UpdatedAt = i.UpdatedAt.Add(time.Microsecond)
	change(&next)
	f.ok(f.UpdateIdentity(f.ctx, &next, i.UpdatedAt, identity.Admin))
	return &next
}

func (f fixture) list(filter session.Filter) (ids []session.ID) {
	f.t.Helper()
	if filter.Limit == 0 {
		filter.Limit = 1000
	}
	all, err := f.ListSessions(f.ctx, filter)
	f.ok(err)
	for _, s := range all {
		ids = append(ids, s.ID)
	}
	return ids
}

func (f fixture) count(filter session.Filter) int {
	f.t.Helper()
	n, err := f.CountSessions(f.ctx, filter)
	f.ok(err)
	return n
}

// raw runs a statement past all rules.
func (f fixture) raw(q query, args ...any) {
	f.t.Helper()
	f.ok(f.engine.write(f.ctx, manner{}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, q, args...)
		return err
	}))
}

// errUnfinished is what atomic returns after a check inside has failed.
var errUnfinished = errors.New("a check inside has failed")

// atomic is Atomic for functions that check something. A check that fails ends its goroutine, which must not be that of
// the store's writer.
func (f fixture) atomic(fn func(ctx context.Context) error) error {
	return f.Atomic(f.ctx, func(ctx context.Context) error {
		err, ended := errUnfinished, make(chan struct{})
		go func() {
			defer close(ended)
			err = fn(ctx)
		}()
		<-ended
		return err
	})
}

// number runs a query for one number.
func (f fixture) number(q query, args ...any) (n int) {
	f.t.Helper()
	f.ok(f.engine.read(f.ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&n) }, q, args...)
	}))
	return n
}

// await waits until something has happened; the deadline is far away, so that only what hangs fails.
func await(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for start := time.Now(); !happened(); runtime.Gosched() {
		if time.Since(start) > 30*time.Second {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// operation is one method of the store, called in a way that needs nothing to exist.
type operation struct {
	name string
	call func(ctx context.Context, s *Store) error
}

// operations are all methods that reach the database.
func operations() []operation {
	i := testkit.Identity(testkit.Email())
	s, secret := testkit.Session(i, now)
	token, id := secret.Hash(), identity.NewID()
	fl := testkit.Flow("login", now)
	d := &courier.Delivery{ID: "x", Hook: "hook"}
	return []operation{
		{"InsertIdentity", func(ctx context.Context, st *Store) error {
			return st.InsertIdentity(ctx, testkit.Identity(testkit.Email()))
		}},
		{"InsertIdentities", func(ctx context.Context, st *Store) error {
			_, err := st.InsertIdentities(ctx, []*identity.Identity{testkit.Identity(testkit.Email())})
			return err
		}},
		{"Identity", func(ctx context.Context, st *Store) error { _, err := st.Identity(ctx, id); return err }},
		{"IdentityByExternalID", func(ctx context.Context, st *Store) error { _, err := st.IdentityByExternalID(ctx, "x"); return err }},
		{"IdentityByIdentifier", func(ctx context.Context, st *Store) error {
			_, err := st.IdentityByIdentifier(ctx, identity.Password, "x")
			return err
		}},
		{"UpdateIdentity", func(ctx context.Context, st *Store) error {
			return st.UpdateIdentity(ctx, i, now, identity.Admin)
		}},
		{"DeleteIdentity", func(ctx context.Context, st *Store) error { return st.DeleteIdentity(ctx, id, now) }},
		{"ReplaceCredential", func(ctx context.Context, st *Store) error {
			_, err := st.ReplaceCredential(ctx, id, identity.Password, []byte("a"), []byte("b"), now)
			return err
		}},
		{"ListIdentities", func(ctx context.Context, st *Store) error {
			_, err := st.ListIdentities(ctx, identity.Filter{Limit: 1})
			return err
		}},
		{"CountIdentities", func(ctx context.Context, st *Store) error {
			_, err := st.CountIdentities(ctx, identity.Filter{})
			return err
		}},
		{"InsertSession", func(ctx context.Context, st *Store) error { return st.InsertSession(ctx, s, token, session.Limit{}) }},
		{"SessionByToken", func(ctx context.Context, st *Store) error { _, err := st.SessionByToken(ctx, token); return err }},
		{"Session", func(ctx context.Context, st *Store) error { _, err := st.Session(ctx, s.ID); return err }},
		{"EndReason", func(ctx context.Context, st *Store) error { _, err := st.EndReason(ctx, s.ID); return err }},
		{"ExpireSession", func(ctx context.Context, st *Store) error {
			_, err := st.ExpireSession(ctx, s.ID, now, now)
			return err
		}},
		{"EndByToken", func(ctx context.Context, st *Store) error {
			_, err := st.EndByToken(ctx, token, session.End{At: now, Reason: session.Logout})
			return err
		}},
		{"EndSessions", func(ctx context.Context, st *Store) error {
			_, err := st.EndSessions(ctx, session.Scope{IDs: []session.ID{s.ID}}, byAdmin(now))
			return err
		}},
		{"ExtendSession", func(ctx context.Context, st *Store) error {
			_, err := extendTo(ctx, st, s.ID, now.Add(time.Hour), session.ExtendRule{Now: now})
			return err
		}},
		{"SlideSession", func(ctx context.Context, st *Store) error {
			_, err := st.SlideSession(ctx, s.ID, s.Rotation, session.ExtendRule{Now: now})
			return err
		}},
		{"TouchSessions", func(ctx context.Context, st *Store) error {
			return st.TouchSessions(ctx, []session.ID{s.ID}, now, now, 0)
		}},
		{"UseCode", func(ctx context.Context, st *Store) error {
			_, err := st.UseCode(ctx, i.ID, "code", now, now)
			return err
		}},
		{"UsedCodes", func(ctx context.Context, st *Store) error { _, err := st.UsedCodes(ctx, i.ID); return err }},
		{"InsertExchange", func(ctx context.Context, st *Store) error { return st.InsertExchange(ctx, session.Exchange{}) }},
		{"SettleExchange", func(ctx context.Context, st *Store) error { return st.SettleExchange(ctx, [16]byte{}, s.ID, now) }},
		{"Exchange", func(ctx context.Context, st *Store) error {
			_, err := st.Exchange(ctx, token, token, now)
			return err
		}},
		{"TakeExchange", func(ctx context.Context, st *Store) error { _, err := st.TakeExchange(ctx, token); return err }},
		{"RefreshSession", func(ctx context.Context, st *Store) error { return refresh(ctx, st, token, s, now) }},
		{"ListSessions", func(ctx context.Context, st *Store) error {
			_, err := st.ListSessions(ctx, session.Filter{Limit: 1})
			return err
		}},
		{"CountSessions", func(ctx context.Context, st *Store) error {
			_, err := st.CountSessions(ctx, session.Filter{})
			return err
		}},
		{"InsertFlow", func(ctx context.Context, st *Store) error { return st.InsertFlow(ctx, testkit.Flow("login", now)) }},
		{"Flow", func(ctx context.Context, st *Store) error { _, err := st.Flow(ctx, fl.Kind, fl.ID); return err }},
		{"PlaceEvents", func(ctx context.Context, st *Store) error { _, _, err := st.PlaceEvents(ctx); return err }},
		{"Events", func(ctx context.Context, st *Store) error {
			_, err := st.Events(ctx, 0, 1, 1, event.Filter{})
			return err
		}},
		{"RegisterHook", func(ctx context.Context, st *Store) error { return st.RegisterHook(ctx, "hook", now) }},
		{"QueueDeliveries", func(ctx context.Context, st *Store) error {
			_, _, err := st.QueueDeliveries(ctx, "hook", nil, now)
			return err
		}},
		{"ClaimDeliveries", func(ctx context.Context, st *Store) error {
			_, err := st.ClaimDeliveries(ctx, "hook", now, now, 1)
			return err
		}},
		{"MarkDelivered", func(ctx context.Context, st *Store) error { return st.MarkDelivered(ctx, d, now) }},
		{"MarkFailed", func(ctx context.Context, st *Store) error { return st.MarkFailed(ctx, d, "", now) }},
		{"MarkDead", func(ctx context.Context, st *Store) error { return st.MarkDead(ctx, d, "", now) }},
		{"Delivery", func(ctx context.Context, st *Store) error { _, err := st.Delivery(ctx, "x"); return err }},
		{"ReviveDelivery", func(ctx context.Context, st *Store) error { return st.ReviveDelivery(ctx, "x", now) }},
		{"ListDeliveries", func(ctx context.Context, st *Store) error {
			_, err := st.ListDeliveries(ctx, courier.Filter{Limit: 1})
			return err
		}},
		{"InsertAdminKey", func(ctx context.Context, st *Store) error {
			k, hash := madeKey(testkit.Email(), now)
			return st.InsertAdminKey(ctx, k, hash)
		}},
		{"RevokeAdminKey", func(ctx context.Context, st *Store) error { return st.RevokeAdminKey(ctx, "x", now, "root") }},
		{"AdminKeys", func(ctx context.Context, st *Store) error { _, err := st.AdminKeys(ctx); return err }},
		{"AdminKey", func(ctx context.Context, st *Store) error { _, _, err := st.AdminKey(ctx, token); return err }},
		{"TouchAdminKey", func(ctx context.Context, st *Store) error { return st.TouchAdminKey(ctx, "x", now, now) }},
		{"EndVisit", func(ctx context.Context, st *Store) error {
			return st.EndVisit(ctx, admin.Visit{ID: testkit.Email(), Expires: now}, now)
		}},
		{"StartVisit", func(ctx context.Context, st *Store) error {
			return st.StartVisit(ctx, admin.Visit{ID: "x", Actor: "root"}, now)
		}},
		{"VisitEnded", func(ctx context.Context, st *Store) error { _, err := st.VisitEnded(ctx, "x"); return err }},
		{"Hours", func(ctx context.Context, st *Store) error { _, err := st.Hours(ctx, now); return err }},
		{"SearchSessions", func(ctx context.Context, st *Store) error {
			_, err := st.SearchSessions(ctx, session.Search{Limit: 1, Scan: 10})
			return err
		}},
		{"CountRunning", func(ctx context.Context, st *Store) error { _, _, err := st.CountRunning(ctx, now, 10); return err }},
		{"Identifiers", func(ctx context.Context, st *Store) error {
			_, err := st.Identifiers(ctx, "a", "", 1)
			return err
		}},
		{"SettingsVersion", func(ctx context.Context, st *Store) error { _, err := st.SettingsVersion(ctx); return err }},
		{"Settings", func(ctx context.Context, st *Store) error { _, err := st.Settings(ctx); return err }},
		{"ChangeSettings", func(ctx context.Context, st *Store) error {
			_, err := st.ChangeSettings(ctx, 0, "{}", nil, now, "root")
			return err
		}},
		{"CountDeliveries", func(ctx context.Context, st *Store) error { _, _, err := st.CountDeliveries(ctx); return err }},
		{"UpdateFlow", func(ctx context.Context, st *Store) error { return st.UpdateFlow(ctx, fl) }},
		{"Atomic", func(ctx context.Context, st *Store) error {
			return st.Atomic(ctx, func(ctx context.Context) error {
				return st.InsertIdentity(ctx, testkit.Identity(testkit.Email()))
			})
		}},
		{"Collect", func(ctx context.Context, st *Store) error {
			_, err := (&Collector{Store: st, Batch: 10}).Collect(ctx, now)
			return err
		}},
	}
}

// expected reports whether an operation's error is an answer about its subject, given by a database that is there.
func expected(err error) bool {
	e := fault.From(err)
	return e == nil || e.Kind == fault.NotFound || e.Kind == fault.Unauthenticated || e.Kind == fault.Conflict || e.Kind == fault.Forbidden
}

// extendTo extends a session to a certain moment.
func extendTo(ctx context.Context, st *Store, id session.ID, next time.Time, rule session.ExtendRule) (bool, error) {
	rule.Lengths.Lifespan = next.Sub(rule.Now)
	return st.ExtendSession(ctx, id, rule)
}

// refresh refreshes a session, whatever others have made of it meanwhile, and leaves it the token that it had.
func refresh(ctx context.Context, st *Store, token session.TokenHash, s *session.Session, at time.Time) error {
	for {
		found, err := st.Session(ctx, s.ID)
		if errors.Is(err, session.ErrNotFound) {
			return session.ErrNone
		}
		if err != nil {
			return err
		}
		s.Rotation = found.Rotation
		done, err := st.RefreshSession(ctx, s, token, session.Renewed{Now: at, Kind: session.SessionRefreshed, Reason: "password"})
		if err != nil || done {
			return err
		}
		if after, err := st.Session(ctx, s.ID); err == nil && after.Rotation == found.Rotation {
			return session.ErrNone
		}
	}
}
