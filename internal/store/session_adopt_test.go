package store

import (
	"testing"
	"time"

	"exeunt/internal/session"
)

func TestAdoptingASessionChangesNothingButItsToken(t *testing.T) {
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
			if done, err := f.AdoptSession(f.ctx, c.ID, read.Rotation, heir, session.Lasting, now); err != nil || done != want {
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
