package store

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// happened is a row of the table of events.
type happened struct {
	Kind, Identity, Reason, Actor string
	At                            time.Time
}

// story returns the events of a session in the order of time and kind.
func (f fixture) story(id session.ID) (all []happened) {
	f.t.Helper()
	f.ok(f.engine.read(f.ctx, func(ctx context.Context, t *tx) error {
		return t.each(ctx, func(r scanner) error {
			var e happened
			var at int64
			err := r.Scan(&e.Kind, &e.Identity, &e.Reason, &e.Actor, &at)
			e.At = moment(at)
			all = append(all, e)
			return err
		}, `SELECT kind, identity_id, reason, actor, at FROM events WHERE session_id = $1 ORDER BY at, kind`, id.String())
	}))
	return all
}

// events returns the kinds of a session's events, sorted.
func (f fixture) events(id session.ID) (kinds []string) {
	f.t.Helper()
	for _, e := range f.story(id) {
		kinds = append(kinds, e.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func TestEveryChangeWritesOneEvent(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		who, admin := i.ID.String(), session.Admin
		minute := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
		started := happened{sessionStarted, who, "", who, now}
		for sentence, c := range map[string]struct {
			act  func(f fixture, c client)
			want []happened
		}{
			"a session that starts": {func(fixture, client) {}, []happened{started}},
			"an extension, and one that was refused": {func(f fixture, c client) {
				extended(minute(1))(f, c)
				_, err := extendTo(f.ctx, f.Store, c.ID, minute(2), session.ExtendRule{Now: minute(2)})
				f.ok(err)
			}, []happened{started, {sessionExtended, who, "", admin, minute(1)}}},
			"a refresh": {func(f fixture, c client) {
				f.ok(refresh(f.ctx, f.Store, c.token, refreshed(c.Session, minute(1)), minute(1)))
			}, []happened{started, {"session_refreshed", who, "password", who, minute(1)}}},
			"two sign-outs": {func(f fixture, c client) {
				f.logout(c, minute(1))
				f.logout(c, minute(2))
				f.is(refresh(f.ctx, f.Store, c.token, refreshed(c.Session, minute(3)), minute(3)), session.ErrNone)
			}, []happened{started, {sessionEnded, who, "logout", who, minute(1)}}},
			"an administrator's end": {func(f fixture, c client) {
				f.end(session.Scope{IDs: []session.ID{c.ID, c.ID}}, minute(1))
				f.end(session.Scope{IDs: []session.ID{c.ID}}, minute(2))
			}, []happened{started, {sessionEnded, who, "revoked_by_admin", admin, minute(1)}}},
			"a deletion of a live session": {func(f fixture, c client) {
				f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, minute(1))
				f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, minute(2))
			}, []happened{started, {"session_deleted", who, "revoked_by_admin", admin, minute(1)}, {sessionEnded, who, "revoked_by_admin", admin, minute(1)}}},
			"a deletion of an ended session": {func(f fixture, c client) {
				f.logout(c, minute(1))
				f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, minute(2))
			}, []happened{started, {sessionEnded, who, "logout", who, minute(1)}, {"session_deleted", who, "revoked_by_admin", admin, minute(2)}}},
			"a change that was rolled back": {func(f fixture, c client) {
				f.is(f.Atomic(f.ctx, func(ctx context.Context) error {
					if _, err := f.EndByToken(ctx, c.token, session.End{At: minute(1), Reason: session.Logout}); err != nil {
						return err
					}
					return context.Canceled
				}), context.Canceled)
			}, []happened{started}},
		} {
			f.run(sentence, func(f fixture) {
				cl := f.signIn(i)
				c.act(f, cl)
				if diff := cmp.Diff(c.want, f.story(cl.ID)); diff != "" {
					f.t.Error(diff)
				}
			})
		}
		f.run("the end of an identity", func(f fixture) {
			i := f.someone()
			a := f.signIn(i)
			next := f.update(i, func(next *identity.Identity) { next.State = identity.Inactive })
			f.ok(f.DeleteIdentity(f.ctx, i.ID, minute(1)))
			want := []happened{{sessionStarted, i.ID.String(), "", i.ID.String(), now}, {sessionEnded, i.ID.String(), "identity_disabled", admin, next.UpdatedAt},
				{"session_deleted", i.ID.String(), "identity_deleted", admin, minute(1)}}
			if diff := cmp.Diff(want, f.story(a.ID)); diff != "" {
				f.t.Error(diff)
			}
		})
	})
}

func TestWithoutItsEventNothingChanges(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		c := f.signIn(i)
		f.check(c)
		f.raw(`ALTER TABLE events RENAME TO hidden`)
		s, secret := testkit.Session(i, now)
		_, endErr := f.EndByToken(f.ctx, c.token, session.End{At: now, Reason: session.Logout})
		_, extendErr := extendTo(f.ctx, f.Store, c.ID, now.Add(2*testkit.Lifespan), session.ExtendRule{Now: now})
		_, endAllErr := f.EndSessions(f.ctx, session.Scope{All: true}, byAdmin(now))
		for what, err := range map[string]error{
			"EndByToken": endErr, "ExtendSession": extendErr, "EndSessions": endAllErr,
			"RefreshSession": refresh(f.ctx, f.Store, c.token, refreshed(c.Session, now), now),
			"InsertSession":  f.InsertSession(f.ctx, s, secret.Hash(), session.Limit{}),
			"DeleteIdentity": f.DeleteIdentity(f.ctx, i.ID, now),
		} {
			if err == nil {
				f.t.Errorf("%s succeeded without its event", what)
			}
		}
		f.same(c.Session, f.check(c))
		_, err := f.SessionByToken(f.ctx, secret.Hash())
		f.is(err, session.ErrNone)
		f.raw(`ALTER TABLE hidden RENAME TO events`)
		if !f.logout(c, now) || f.valid(c, now) {
			f.t.Error("the session cannot be ended any more")
		}
	})
}

// tallyMeter counts what a store reports.
type tallyMeter struct{ started, ended, extended, took atomic.Int64 }

func (m *tallyMeter) SessionStarted()                       { m.started.Add(1) }
func (m *tallyMeter) SessionsEnded(_ session.Reason, n int) { m.ended.Add(int64(n)) }
func (m *tallyMeter) SessionExtended()                      { m.extended.Add(1) }
func (m *tallyMeter) Collected(string, int64)               {}

func (m *tallyMeter) StoreTook(string, time.Duration) { m.took.Add(1) }

func TestMeterCountsWhatWasCommitted(t *testing.T) {
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			m := &tallyMeter{}
			f := opened(t, e.DSN(t), Options{Meter: m})
			i := f.someone()
			a, b, c := f.signIn(i), f.signIn(i), f.signIn(i)
			extended(now.Add(time.Minute))(f, a)
			f.logout(a, now.Add(time.Minute))
			f.logout(a, now.Add(time.Minute))
			f.end(session.Scope{IDs: []session.ID{a.ID, b.ID}, Delete: true}, now)
			f.is(f.Atomic(f.ctx, func(ctx context.Context) error {
				_, err := f.EndSessions(ctx, session.Scope{All: true}, byAdmin(now))
				if err == nil {
					err = context.Canceled
				}
				return err
			}), context.Canceled)
			f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
				_, err := f.EndByToken(ctx, c.token, session.End{At: now, Reason: session.Logout})
				return err
			}))
			if m.started.Load() != 3 || m.ended.Load() != 3 || m.extended.Load() != 1 || m.took.Load() == 0 {
				t.Errorf("started %d, ended %d, extended %d; want 3, 3, 1", m.started.Load(), m.ended.Load(), m.extended.Load())
			}
		})
	}
}

func TestEveryChangeOfAnIdentityWritesOneEvent(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		f.ok(edit(f.ctx, f.Store, i.ID, func(n *identity.Identity) { n.State = identity.Inactive }))
		f.ok(f.DeleteIdentity(f.ctx, i.ID, now.Add(time.Hour)))
		f.is(f.DeleteIdentity(f.ctx, i.ID, now.Add(time.Hour)), identity.ErrNotFound)
		for kind, want := range map[string]int{"identity_created": 1, "identity_updated": 1, "identity_deleted": 1} {
			if n := f.number(`SELECT COUNT(*) FROM events WHERE session_id = '' AND kind = '` + query(kind) + `'`); n != want {
				f.t.Errorf("%d events of kind %s, want %d", n, kind, want)
			}
		}
	})
}
