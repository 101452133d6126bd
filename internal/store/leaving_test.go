package store

import (
	"testing"

	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// While something is committed, that alone is kept out of the table: all others get in as ever, however busy the writer is.
func TestWhatLeavesAloneIsKeptOut(t *testing.T) {
	one, other := testkit.Identity(testkit.Email()), testkit.Identity(testkit.Email())
	for name, what := range map[string]struct {
		effect func(c client) effect
		shut   func(c, d client) bool // whether d is kept out when c has changed
	}{
		"a session that ends":      {func(c client) effect { return effect{kind: sessionEnded, token: c.token} }, func(c, d client) bool { return c.ID == d.ID }},
		"one that is extended":     {func(c client) effect { return effect{kind: sessionExtended, token: c.token} }, func(c, d client) bool { return c.ID == d.ID }},
		"an identity that changes": {func(c client) effect { return effect{kind: identityChanged, identity: c.IdentityID} }, func(c, d client) bool { return c.IdentityID == d.IdentityID }},
		"everything":               {func(client) effect { return effect{kind: everythingChanged} }, func(client, client) bool { return true }},
		"a session that starts":    {func(c client) effect { return effect{kind: sessionStarted, token: c.token} }, func(client, client) bool { return false }},
		"one that is used": {func(c client) effect {
			return effect{kind: sessionSeen, token: c.token, seen: micros(now), expires: micros(c.ExpiresAt)}
		}, func(client, client) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			clients := []client{liveSession(one).in(7), liveSession(one).in(7), liveSession(one).in(8), liveSession(other).in(7), liveSession(other).in(8)}
			for n, c := range clients {
				table := newLiveTable(64 << 20)
				for _, d := range clients {
					table.put(d)
				}
				over := table.leave([]*job{{tx: &tx{effects: []effect{what.effect(c)}}}})
				for m, d := range clients {
					if there := table.find(d.token) != nil; there == what.shut(c, d) {
						t.Errorf("of %d the commit begins, %d is in the table: %v", n, m, there)
					}
					if table.put(d); (table.find(d.token) != nil) == what.shut(c, d) {
						t.Errorf("of %d the commit is under way, and %d gets in, or not", n, m)
					}
				}
				over()
				for m, d := range clients {
					if table.put(d); table.find(d.token) == nil {
						t.Errorf("of %d the commit is over, and %d does not get in", n, m)
					}
				}
				whole(t, table)
			}
		})
	}
}

// What a write that has failed says of uses is not known to be so.
func TestAUseWhoseWriteHasFailedIsNotNoted(t *testing.T) {
	table, c := newLiveTable(64<<20), liveSession(testkit.Identity(testkit.Email()))
	use := []effect{{kind: sessionSeen, token: c.token, seen: micros(now) + 1, expires: micros(c.ExpiresAt) + 1}}
	for _, done := range []bool{true, false} {
		table.put(c)
		table.settle(use, done)
		found := map[bool]*session.Session{true: table.ready.get(c.FoundBy), false: table.unpack(c.FoundBy)}
		for ready, s := range found {
			if (s != nil) != done || done && !s.LastSeenAt.After(now) {
				t.Errorf("done %v, ready %v: %+v", done, ready, s)
			}
		}
	}
}
