package store

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func numberedToken(n int) session.TokenHash {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestAFilterNeverDeniesWhatWasAddedAndSeldomAdmitsWhatWasNot(t *testing.T) {
	const tokens = 20000
	f := newFilter(tokens, 1<<20)
	for n := range tokens {
		f.add(numberedToken(n))
	}
	admitted := 0
	for n := range tokens {
		if !f.has(numberedToken(n)) {
			t.Fatalf("token %d was added and is denied", n)
		}
		if f.has(numberedToken(tokens + n)) {
			admitted++
		}
	}
	if admitted > tokens/200 {
		t.Errorf("%d of %d tokens that were not added are admitted", admitted, tokens)
	}
}

// learned waits until a SQLite store knows its tokens.
func learned(t *testing.T, f fixture) *knownTokens {
	t.Helper()
	k := f.engine.(*sqliteEngine).known
	await(t, "all tokens are known", func() bool { return k.ready.Load() != nil })
	return k
}

func TestTokensOfEveryAgeAreKnownAndOthersDeniedWithoutTheFile(t *testing.T) {
	dsn := testkit.File(t)
	f := opened(t, dsn, Options{})
	i := f.someone()
	before := f.signIn(i)
	f.ok(f.Close())

	f = opened(t, dsn, Options{})
	k := learned(t, f)
	after := f.signIn(i)
	for name, c := range map[string]client{"before the start": before, "after the start": after} {
		if k.absent(c.token) || !f.valid(c, now) {
			t.Errorf("a session of %s is denied", name)
		}
	}
	stranger := session.NewSecret(session.InHeader).Hash()
	f.ok(f.engine.(*sqliteEngine).reads.Close())
	if _, err := f.SessionByToken(f.ctx, stranger); err != session.ErrNone {
		t.Errorf("without the file: %v", err)
	}
}

func TestAFilterThatIsFullIsMadeAnew(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	i := f.someone()
	k := learned(t, f)
	first := k.ready.Load()
	first.added.Store(first.capacity)
	c := f.signIn(i)
	await(t, "the filter is made anew", func() bool { return k.ready.Load() != first })
	if k.absent(c.token) {
		t.Error("the token that made it full is denied")
	}
}

func TestReplacedTokensAreKnown(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	c := f.signIn(f.someone())
	k := learned(t, f)
	next := session.NewSecret(session.InHeader).Hash()
	s := f.check(c)
	done, err := f.RefreshSession(f.ctx, s, next, session.Renewed{Now: now, PreviousUntil: now.Add(testkit.Lifespan), Kind: session.SessionRefreshed})
	f.ok(err)
	if !done || k.absent(next) || k.absent(c.token) {
		t.Errorf("refreshed %v; the new token is absent: %v, the old one: %v", done, k.absent(next), k.absent(c.token))
	}
}
