package store

import (
	"testing"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestAnUnchangedRowIsReadOnceAndAChangedOneAnew(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		c := f.signIn(f.someone())
		first := f.check(c)
		if f.check(c) != first {
			t.Error("an unchanged row is read twice")
		}
		f.ok(edit(f.ctx, f.Store, c.IdentityID, func(i *identity.Identity) { i.Traits = []byte(`{"email":"new@example.org"}`) }))
		if second := f.check(c); second == first || string(second.Identity.Traits) != `{"email":"new@example.org"}` {
			t.Error("a changed identity is not seen")
		}
		f.logout(c, now)
		if f.check(c).End == nil {
			t.Error("an ended session is not seen")
		}
		if n := len(f.engine.(*postgresEngine).lookups.readings.rows); n != 0 {
			t.Errorf("%d readings of ended sessions are kept", n)
		}
	})
}

func TestReadingsKeepToTheirBound(t *testing.T) {
	i := testkit.Identity(testkit.Email())
	s, _ := testkit.Session(i, now)
	each := weight(s) + int64(len("stamp"))
	r := newReadings(10 * each)
	for n := range 100 {
		token := session.TokenHash{byte(n)}
		r.remember(token, []byte("stamp"), s)
		if r.bytes > r.maxBytes || r.rows[token].session != s {
			t.Fatalf("%d bytes are kept, at most %d may be", r.bytes, r.maxBytes)
		}
	}
	if len(r.rows) != 10 || r.bytes != 10*each {
		t.Errorf("%d readings of %d bytes are kept, want 10", len(r.rows), r.bytes)
	}
}
