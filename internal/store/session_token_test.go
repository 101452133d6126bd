package store

import (
	"testing"
	"time"

	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestReplacingATokenChangesNothingElse(t *testing.T) {
	onEach(t, func(f fixture) {
		c := f.signIn(f.someone())
		read := f.check(c)
		later := session.ExtendRule{Now: now.Add(time.Minute), Lengths: session.Lengths{Lifespan: 90 * 24 * time.Hour}, Debounced: now.Add(time.Minute)}
		if done, err := f.ExtendSession(f.ctx, c.ID, later); err != nil || !done {
			t.Fatalf("extended: %v, %v", done, err)
		}
		extended := f.check(c)
		heir := session.NewSecret(session.InCookie).Hash()
		for _, want := range []bool{true, false} { // a second time finds another rotation
			if done, err := f.ReplaceToken(f.ctx, c.ID, read.Rotation, heir, session.Replaced{Now: now, PreviousUntil: session.Lasting, Reason: session.Adopted}); err != nil || done != want {
				t.Fatalf("adopted: %v, %v, want %v", done, err, want)
			}
		}
		adopted, err := f.SessionByToken(f.ctx, heir)
		f.ok(err)
		if !adopted.ExpiresAt.Equal(extended.ExpiresAt) || !adopted.DeadlineAt.Equal(extended.DeadlineAt) || !adopted.ExtendedAt.Equal(extended.ExtendedAt) {
			t.Errorf("until %v, %v, extended %v; want %v, %v, %v", adopted.ExpiresAt, adopted.DeadlineAt, adopted.ExtendedAt, extended.ExpiresAt, extended.DeadlineAt, extended.ExtendedAt)
		}
		if before := f.check(c); !before.TokenUntil.Equal(session.Lasting) || !before.Valid(now.Add(time.Hour)) {
			t.Errorf("the token before works until %v", before.TokenUntil)
		}
		f.logout(c, now)
		if gone, err := f.SessionByToken(f.ctx, heir); err != nil || gone.Valid(now) {
			t.Errorf("signing out with the token before leaves the session as %+v, %v", gone, err)
		}
	})
}

// A new token without a proof leaves alone what others have done to the session since it was read; two requests may agree on it.
func TestANewTokenWithoutAProofUndoesNothing(t *testing.T) {
	onEach(t, func(f fixture) {
		s, token := testkit.Session(f.someone(), now)
		f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
		m := &session.Manager{Store: f.Store, Rules: session.Rules{Lengths: session.Lengths{Lifespan: testkit.Lifespan}}, Key: []byte("key"), Now: func() time.Time { return now.Add(time.Minute) }}
		read := f.check(client{s, token.Hash()})
		f.ok(m.Extend(f.ctx, s.ID))
		f.ok(f.TouchSessions(f.ctx, []session.ID{s.ID}, now.Add(2*time.Minute), now.Add(2*time.Minute), 0))
		extended := f.check(client{s, token.Hash()})
		for range 2 {
			_, next, err := m.Refresh(f.ctx, read, session.Renewal{Carrier: session.InHeader, Token: token, Reason: "token_exchange"})
			f.ok(err)
			got := f.check(client{s, next.Hash()})
			if !got.ExpiresAt.Equal(extended.ExpiresAt) || !got.DeadlineAt.Equal(extended.DeadlineAt) || !got.LastSeenAt.Equal(extended.LastSeenAt) || !got.ExtendedAt.Equal(extended.ExtendedAt) {
				f.t.Errorf("%+v, want %+v", got, extended)
			}
		}
	})
}
