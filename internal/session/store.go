package session

import (
	"context"
	"time"

	"exeunt/internal/identity"
)

// Store keeps sessions. Every method is atomic, durable when it returns, and safe for concurrent use. What a method
// reports as done is seen by every later call on every node. A store that cannot be reached answers
// fault.ErrUnavailable, never "not found". Each change writes its event in the same transaction.
type Store interface {
	// InsertSession stores a new session under the hash of its token, if its identity is active at that moment; else
	// ErrIdentityInactive; and if its identity is still the one that was loaded with it, if any, else identity.ErrChanged:
	// what a sign-in has proved may be of no worth any more. With a limit, the identity never has more live sessions than that: others end in the same
	// transaction, or it is ErrLimit.
	InsertSession(ctx context.Context, s *Session, token TokenHash, limit Limit) error

	// SessionByToken returns the session that has this token, or had it before the present one, with its identity; ended
	// and expired ones included as long as their rows exist; or ErrNone.
	SessionByToken(ctx context.Context, token TokenHash) (*Session, error)

	// Session returns the session with its identity, or ErrNotFound. Deleted sessions are not found.
	Session(ctx context.Context, id ID) (*Session, error)

	// EndByToken ends the session that has this token, or had it before and may still be asked for by it, unless it is
	// ended; and reports whether it is revoked now, by this call or an earlier one. A token that is unknown, or whose
	// session had expired by time, is not.
	EndByToken(ctx context.Context, token TokenHash, end End) (revoked bool, err error)

	// EndReason says why the session with this id was ended, as long as its row is kept; deleted ones count. It is "" for one
	// that nobody has ended, and for an id that no row has.
	EndReason(ctx context.Context, id ID) (Reason, error)

	// ExpireSession ends a session whose time has run out, by its row or by rules that were made stricter since: at now, or when it
	// ran out if that was earlier. It does nothing when it has ended already, or lives for longer than until, the expiry that
	// was seen, as somebody has extended it; and reports whether it did.
	ExpireSession(ctx context.Context, id ID, until, now time.Time) (bool, error)

	// EndSessions ends what is not ended among the sessions that the scope names; those whose time has run out get the
	// reason Expired and are not counted. With Delete set, rows disappear from every list, live or not, and all that do are
	// counted; only their tokens are remembered.
	EndSessions(ctx context.Context, scope Scope, end End) (Ended, error)

	// ExtendSession gives a live session of an active identity a new deadline by the rule's lengths, if that is later, if
	// the present one lies within the rule's window, and if the last extension was not after Debounced. It reports
	// whether it did.
	ExtendSession(ctx context.Context, id ID, rule ExtendRule) (bool, error)

	// SlideSession is ExtendSession for its holder, who is using it at rule.Now, with the token of this rotation.
	SlideSession(ctx context.Context, id ID, rotation int64, rule ExtendRule) (bool, error)

	// TouchSessions notes that sessions were in use at now, and moves the expiry of those that may go unused for idle
	// alone; zero is no such bound. Sessions that are over, and those that were seen after since, are left alone.
	TouchSessions(ctx context.Context, ids []ID, now, since time.Time, idle time.Duration) error

	// RefreshSession stores the times, level, methods, devices and token of s if that session is live at now, of an active
	// identity, still at its rotation, and r.Identity, if any, is not changed since; else it reports false, and nothing is
	// done. The token before works until r.PreviousUntil.
	RefreshSession(ctx context.Context, s *Session, token TokenHash, r Renewed) (bool, error)

	// ReplaceToken gives a session that is live at r.Now, of an active identity, and still at its rotation another token; else it
	// reports false. Nothing else about it changes. The token before works until a moment.
	ReplaceToken(ctx context.Context, id ID, rotation int64, token TokenHash, r Replaced) (bool, error)

	// ListSessions returns sessions, the newest first, the same time by id.
	ListSessions(ctx context.Context, f Filter) ([]*Session, error)

	// CountSessions counts what a filter would list without its limit and position.
	CountSessions(ctx context.Context, f Filter) (int, error)
}

// Searcher looks for sessions by what no index knows. However many sessions there are, it looks at a bounded number.
type Searcher interface {
	// SearchSessions returns sessions, the newest first, the same time by id.
	SearchSessions(ctx context.Context, q Search) (Found, error)

	// CountRunning looks at so many sessions and counts those that are neither ended nor expired; there may be more.
	CountRunning(ctx context.Context, now time.Time, scan int) (n int, more bool, err error)
}

// ExtendRule says when an extension takes place, and how far it goes.
type ExtendRule struct {
	Now       time.Time
	Lengths   Lengths
	Window    *time.Duration // how close to its deadline the session must be; nil for any
	Debounced time.Time      // a session that was extended after this moment is left alone
}

// Replaced says why a session has another token, and until when the one before works.
type Replaced struct {
	Now           time.Time
	PreviousUntil time.Time
	Reason        string // of its event
}

// Renewed says what a refresh was.
type Renewed struct {
	Now           time.Time
	PreviousUntil time.Time
	Identity      *identity.Identity // of which something was proved, or nil
	Kind          string             // of its event: SessionRefreshed or SessionSteppedUp
	Limit         Limit              // holds for a session that steps up, as where one is inserted
	Reason        string             // of its event: the method that was used
}

// Scope names sessions. Exactly one of IDs, Identities and All is set.
type Scope struct {
	IDs        []ID
	Identities []identity.ID
	All        bool
	Owner      identity.ID // with IDs and without Delete, leave sessions of others alone; zero for everybody's
	Except     ID          // with Identities and without Delete, leave this one alone; zero for none
	Delete     bool        // remove the rows from sight as well
	Limit      int         // with All, at most this many rows; zero for no limit
}

// Ended says what became of a scope.
type Ended struct {
	Count int
	More  bool // with All: the limit was reached, so there may be others
}

// Filter chooses sessions for a list.
type Filter struct {
	Identity *identity.ID
	Active   *bool // as Session.Valid, at Now
	Except   ID    // leave this one out; zero for none
	Now      time.Time

	AfterCreated time.Time // position: the last session of the page before; zero for the first page
	AfterID      ID
	Offset       int
	Limit        int
}
