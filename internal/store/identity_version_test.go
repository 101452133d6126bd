package store

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// unlikeTheirIdentity counts the sessions that somebody may use and whose rows do not say how their identity is now.
const unlikeTheirIdentity query = `
SELECT COUNT(*) FROM sessions s JOIN identities i ON i.id = s.identity_id WHERE s.ended_at IS NULL AND s.identity_version <> i.updated_at`

func (f fixture) alike() {
	f.t.Helper()
	if n := f.number(unlikeTheirIdentity); n > 0 {
		f.t.Errorf("%d sessions have another version of their identity than it has", n)
	}
}

// TestAChangeOfAnIdentityShowsInAllItsSessions changes an identity while its sessions start, are checked and end.
func TestAChangeOfAnIdentityShowsInAllItsSessions(t *testing.T) {
	changing := func(f fixture) {
		i := f.someone()
		all := make([]client, 40)
		for n := range all {
			s, secret := testkit.Session(i, now)
			s.Identity = nil // whoever has not looked at the identity does not mind that it changes
			all[n] = client{s, secret.Hash()}
		}
		for _, err := range together(len(all)+10, func(n int) error {
			if n >= len(all) {
				return edit(f.ctx, f.Store, i.ID, func(i *identity.Identity) { i.Traits = fmt.Appendf(nil, `{"n":%d}`, n) })
			}
			c := all[n]
			if err := f.InsertSession(f.ctx, c.Session, c.token, session.Limit{}); err != nil {
				return err
			}
			_, err := f.SessionByToken(f.ctx, c.token)
			if n%8 == 0 {
				f.logout(c, now)
			}
			return err
		}) {
			f.ok(err)
		}
		f.alike()
		final, err := f.Identity(f.ctx, i.ID)
		f.ok(err)
		for n, c := range all {
			if got := f.check(c); n%8 != 0 && string(got.Identity.Traits) != string(final.Traits) {
				f.t.Fatalf("a session shows %s, its identity has %s", got.Identity.Traits, final.Traits)
			}
		}
	}
	onEach(t, changing)
	onPostgres(t, func(t *testing.T, dsn string) {
		t.Run("where transactions are serializable", func(t *testing.T) {
			changing(opened(t, testkit.WithOption(t, dsn, "options", "-c default_transaction_isolation=serializable"), Options{}))
		})
	})
}

// TestASessionThatStartsBesideAChangeOfItsIdentityShowsIt lets the two meet, in both orders.
func TestASessionThatStartsBesideAChangeOfItsIdentityShowsIt(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		change := func(ctx context.Context, c client) error {
			return edit(ctx, f.Store, c.IdentityID, func(i *identity.Identity) { i.Traits = json.RawMessage(`{"new":true}`) })
		}
		start := func(ctx context.Context, c client) error {
			return f.InsertSession(ctx, c.Session, c.token, session.Limit{})
		}
		for sentence, two := range map[string][2]func(context.Context, client) error{
			"the change comes first": {change, start}, "the session comes first": {start, change},
		} {
			f.run(sentence, func(f fixture) {
				s, secret := testkit.Session(f.someone(), now)
				s.Identity = nil
				c := client{s, secret.Hash()}
				f.ok(f.meet(c, two[0], two[1]))
				f.alike()
				if got := f.check(c); string(got.Identity.Traits) != `{"new":true}` {
					f.t.Errorf("the session shows %s", got.Identity.Traits)
				}
			})
		}
	})
}

// A program of the release before starts sessions that do not know their identity's version, and changes an identity alone.
func TestASessionThatDoesNotKnowItsIdentitysVersionLooksAtIt(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		c := f.signIn(i)
		f.raw(`UPDATE sessions SET identity_version = 0 WHERE id = $1`, c.ID.String())
		f.check(c)
		f.update(i, func(next *identity.Identity) { next.Traits = json.RawMessage(`{"new":true}`) })
		f.alike()
		f.raw(`UPDATE sessions SET identity_version = 0 WHERE id = $1`, c.ID.String())
		if got := f.check(c); string(got.Identity.Traits) != `{"new":true}` || !got.Valid(now) {
			f.t.Errorf("the session shows %s", got.Identity.Traits)
		}
		if f.engine.speaks().shared { // one process alone has the file of SQLite
			f.raw(`UPDATE identities SET traits = '{"old":true}', updated_at = updated_at + 1 WHERE id = $1`, i.ID.String())
			if got := f.check(c); string(got.Identity.Traits) != `{"old":true}` {
				f.t.Errorf("after a change beside it the session shows %s", got.Identity.Traits)
			}
		}
	})
}
