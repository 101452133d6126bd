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
		r := f.engine.(*postgresEngine).lookups.readings
		if _, found := r.shelf.get(sessionKey(c.token.Key())); found || len(r.rows) != 0 {
			t.Errorf("readings of ended sessions are kept: %d, in compact form %v", len(r.rows), found)
		}
	})
}

// Of two readings of one identity the later one need not be the newer one: each counts only for a row that says the same.
func TestAReadingOfTheIdentityCountsForRowsThatSayTheSame(t *testing.T) {
	r := newReadings(64 << 20)
	i := testkit.Identity(testkit.Email())
	one, first := testkit.Session(i, now)
	two, second := testkit.Session(i, now)
	former := *i
	former.Traits = []byte(`{"email":"former@example.org"}`)
	r.remember(first.Hash(), stamp{[]byte("one"), []byte("new")}, one)
	r.remember(second.Hash(), stamp{[]byte("two"), []byte("old")}, two.Of(&former))
	if got := r.unpack(first.Hash(), stamp{[]byte("one"), []byte("new")}); got != nil {
		t.Errorf("a row with the new identity is read with %s", got.Identity.Traits)
	}
	r.remember(second.Hash(), stamp{[]byte("two"), []byte("new")}, two)
	if got := r.unpack(first.Hash(), stamp{[]byte("one"), []byte("new")}); got == nil || string(got.Identity.Traits) != string(i.Traits) {
		t.Errorf("a row that has not changed is read as %+v", got)
	}
	for what, other := range map[string]stamp{"session": {[]byte("eno"), []byte("new")}, "identity": {[]byte("one"), []byte("wen")}} {
		if r.unpack(first.Hash(), other) != nil || r.known(first.Hash(), other) != nil {
			t.Errorf("a changed %s is not noticed", what)
		}
	}
}

func TestReadingsKeepToTheirBound(t *testing.T) {
	i := testkit.Identity(testkit.Email())
	s, _ := testkit.Session(i, now)
	each := weight(s) + int64(len("stamp"))
	r := newReadings(10 * each * readyPart)
	for n := range 100 {
		token := session.TokenHash{byte(n)}
		r.remember(token, stamp{[]byte("stamp"), nil}, s)
		if r.bytes > r.maxBytes || r.rows[token].session != s {
			t.Fatalf("%d bytes are kept, at most %d may be", r.bytes, r.maxBytes)
		}
	}
	if len(r.rows) != 10 || r.bytes != 10*each {
		t.Errorf("%d readings of %d bytes are kept, want 10", len(r.rows), r.bytes)
	}
}
