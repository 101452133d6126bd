// Package kratos takes over from a running Kratos: it reads that server's database, which it never changes, and opens the
// session cookies that it has sealed.
//
// Its SQL is not that of the store. It speaks of somebody else's tables, on connections that cannot write, so it stands
// here, where nothing of ours can be reached with it.
package kratos

import (
	"context"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Actor is who did what an import does, in the record of what happened.
const Actor = "import"

// Target is where everything goes. Each method is one transaction, and harmless when it is repeated.
type Target interface {
	// TakeIdentities stores identities with their credentials, and says what became of each. Who was stored before, and
	// has not been changed here since, gets the form that is given now; nobody else is changed, and nobody comes back.
	TakeIdentities(ctx context.Context, all []Identity, now time.Time) ([]Fate, error)

	// TakeSessions stores live sessions of active identities. One that was stored before is brought in line with what is
	// given now as long as it lives and its token was not replaced here; one that has ended here stays so.
	TakeSessions(ctx context.Context, all []Session, now time.Time) ([]Fate, error)

	// TakenSessions returns sessions of a source that were stored before, in the order of their ids, after one.
	TakenSessions(ctx context.Context, source string, after session.ID, limit int) ([]TakenSession, error)

	// EndTaken ends those sessions that have not ended, and says how many these were. None of them is taken again.
	EndTaken(ctx context.Context, ids []session.ID, now time.Time) (int, error)
}

// Identity is an identity to store.
type Identity struct {
	*identity.Identity
	Source      string     // the network that it comes from
	Fingerprint string     // of all there is to it there
	Used        []UsedCode // recovery codes that were used over there
}

// UsedCode is a recovery code that was used, by a hash.
type UsedCode struct {
	Hash string
	At   time.Time
}

// Session is a session to store under its token's hash.
type Session struct {
	*session.Session
	Token       session.TokenHash
	Source      string // as for an identity
	Fingerprint string
	Until       time.Time // its expiry in the source
}

// TakenSession is a session that was stored, with its expiry in the source at that time.
type TakenSession struct {
	ID    session.ID
	Until time.Time
}

// Fate is what became of a row.
type Fate int

// The fates. Those from Changed on are told.
const (
	Added      Fate = iota
	Updated         // it was stored before, and has changed over there
	Unchanged       // it was stored before
	Over            // it has ended here since, and stays ended
	NotActive       // its identity is disabled, so it does not count
	Changed         // it has changed on both sides; it was left as it is here
	Removed         // it was removed here since; it does not come back
	Present         // something else here has its id
	Taken           // an identifier, external id or token is somebody else's here
	NoIdentity      // its identity was not taken over
	Unstorable      // a text of it holds what no database keeps
)

// why says in words why a row was left out; "" if it was not.
func (f Fate) why() string {
	return map[Fate]string{
		Changed:    "changed on both sides since the last import; it stays as it is in exeunt",
		Removed:    "was removed in exeunt since the last import; it does not come back",
		Present:    "exeunt has something else with this id",
		Taken:      "an identifier, the external id or the token belongs to somebody else in exeunt",
		NoIdentity: "its identity is not in exeunt",
		Unstorable: "a text holds a NUL character or is not UTF-8",
	}[f]
}
