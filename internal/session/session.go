// Package session holds the rules of sessions: how one starts, when it counts, how it is extended and how it ends.
//
// A session ends in one of two ways: it is revoked, on purpose, or it expires, by time. Both are final.
package session

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
)

// ID names a session. It is random (RFC 9562, version 4), stable for the session's life, and no credential.
type ID uuid.UUID

// NewID makes a random ID.
func NewID() ID { return ID(uuid.New()) }

// ParseID reads an ID in any of the spellings RFC 9562 tools write. Anything else is [ErrBadID].
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || uuid.Validate(s) != nil { // Parse does not look at what stands around 36 characters
		return ID{}, ErrBadID
	}
	return ID(u), nil
}

// String returns the canonical spelling.
func (id ID) String() string { return uuid.UUID(id).String() }

// Session is one signed-in client. Values handed out by a [Store] are shared: nobody changes them.
type Session struct {
	// What every check looks at stands together, in two lines of memory, as each new one costs it more than all that it works
	// out. The size of the whole is a multiple of theirs, so that each session begins one.
	FoundBy    TokenKey           // of the token that it was found by, where a store keeps it in memory; else zero
	ExpiresAt  time.Time          // when it ends unless it is used
	TokenUntil *time.Time         // when the token that it was found by stops to work; nil for its present one
	Identity   *identity.Identity // with everything but credentials; nil when not loaded
	End        *End               // nil while nobody has ended it

	LastSeenAt time.Time // to about a minute, or less where the rules are tight; see Uses
	shown      Shown     // as is told by keeping
	keeping    atomic.Int32
	owner      standing // of its identity, as is told by keeping
	AAL        identity.AAL
	Remembered bool // its holder chose to stay signed in for longer

	DeadlineAt      time.Time // when it ends even if it is used; never before ExpiresAt
	ID              ID
	IdentityID      identity.ID
	CreatedAt       time.Time
	IssuedAt        time.Time // moves when the session is refreshed
	AuthenticatedAt time.Time // when a factor was last proved
	ExtendedAt      time.Time // zero when never extended
	Rotation        int64     // how often its token was replaced
	Methods         []MethodUse
	Devices         []Device

	_ [48]byte
}

// MethodUse is one proof: which method, which level it gave, and when.
type MethodUse struct {
	Method      string
	AAL         identity.AAL
	CompletedAt time.Time
}

// Device is where a session was started or refreshed from.
type Device struct {
	ID        uuid.UUID
	IP        string // without port; "" when unknown
	UserAgent string // at most 512 bytes
	Location  string // city and country when a trusted proxy says so
}

// End says when, why and by whom a session was ended.
type End struct {
	At     time.Time
	Reason Reason
	By     string // the identity's id for its owner, the name of its key or "admin" for the admin API, "policy" for a configured rule
}

// Reason is why a session was ended.
type Reason string

// The reasons, a closed set that metrics use as a label.
const (
	Logout            Reason = "logout"
	Revoked           Reason = "revoked"
	RevokedByAdmin    Reason = "revoked_by_admin"
	CredentialChanged Reason = "credential_changed"
	IdentityDisabled  Reason = "identity_disabled"
	IdentityDeleted   Reason = "identity_deleted"
	LimitReached      Reason = "limit"    // a newer session took its place
	Restored          Reason = "restored" // it came back with a backup, in which it was live
	Expired           Reason = "expired"  // its time had run out when it was ended
)

// Reasons lists them all.
var Reasons = []Reason{Logout, Revoked, RevokedByAdmin, CredentialChanged, IdentityDisabled, IdentityDeleted, LimitReached, Restored, Expired}

// Valid reports whether the session counts at a moment: nobody has ended it, its time and that of the token it was found
// by have not run out, and its identity is active. A session whose identity is not loaded is judged by the rest.
func (s *Session) Valid(now time.Time) bool {
	return s.End == nil && s.ExpiresAt.After(now) && (s.TokenUntil == nil || s.TokenUntil.After(now)) &&
		s.standing().active
}

// copy returns a session that may be changed: values that stores hand out are shared.
func (s *Session) copy() *Session {
	return &Session{
		ID: s.ID, IdentityID: s.IdentityID, Identity: s.Identity, CreatedAt: s.CreatedAt, IssuedAt: s.IssuedAt,
		AuthenticatedAt: s.AuthenticatedAt, ExpiresAt: s.ExpiresAt, DeadlineAt: s.DeadlineAt, ExtendedAt: s.ExtendedAt,
		LastSeenAt: s.LastSeenAt, Remembered: s.Remembered, Rotation: s.Rotation, TokenUntil: s.TokenUntil, AAL: s.AAL,
		Methods: s.Methods, Devices: s.Devices, End: s.End,
	}
}

// Of returns the session with what its identity is now.
func (s *Session) Of(i *identity.Identity) *Session {
	next := s.copy()
	next.Identity = i
	return next
}

// Seen returns the session as it is after a use that was noted.
func (s *Session) Seen(at, expires time.Time) *Session {
	next := s.copy()
	next.LastSeenAt, next.ExpiresAt, next.FoundBy = at, expires, s.FoundBy
	return next
}

// Failures that callers may see.
var (
	// ErrNone means that the request carries no session that counts.
	ErrNone = &fault.Error{Kind: fault.Unauthenticated, ID: "session_inactive",
		Reason:  "No valid session credentials found in the request.",
		Message: "The request could not be authorized"}

	// ErrAALTooLow means that the session counts, but the identity has a second factor that it has not shown yet.
	ErrAALTooLow = &fault.Error{Kind: fault.Forbidden, ID: "session_aal2_required",
		Reason:  "An active session was found, but it has to be stepped up with the second factor first.",
		Message: "Session does not fulfill the requested Authenticator Assurance Level"}

	// ErrNotFound means that there is no session with this id.
	ErrNotFound = fault.New(fault.NotFound, "session_not_found", "There is no such session.")

	// ErrNotExtendable means that the session has ended, or was extended by somebody else a moment ago.
	ErrNotExtendable = fault.New(fault.NotFound, "session_not_extendable", "There is no such live session to extend, or it was extended a moment ago.")

	// ErrOwn means that the session in use cannot be revoked as one among others; it is signed out.
	ErrOwn = &fault.Error{Kind: fault.Invalid, ID: "session_is_current", Reason: "The session of this request cannot be revoked here; log out to end it.",
		Message: "cannot revoke current session"}

	// ErrUnknownToken means that no session, live or revoked, has this token.
	ErrUnknownToken = fault.New(fault.Forbidden, "session_token_unknown", "The session token belongs to no session that can be signed out: it is unknown, or its session has expired.")

	// ErrBadToken means that a value cannot be a session token at all.
	ErrBadToken = fault.New(fault.Invalid, "session_token_malformed", "The session token is malformed: send session_token as the string that the sign-in answer contained.")

	// ErrBadID means that a session id is not a UUID.
	ErrBadID = fault.New(fault.Invalid, "bad_uuid", "The session id is not a UUID; an id looks like 4be85580-b3cd-4be2-8aa7-c2cb012028de.")

	// ErrLimit means that the identity has as many sessions as it may have, and that none makes way for another.
	ErrLimit = fault.New(fault.Invalid, "session_limit_reached", "This account is signed in on as many devices as it may be. Sign out on one of them first.")

	// ErrIdentityInactive means that no session may start: the identity is disabled or gone.
	ErrIdentityInactive = fault.New(fault.Forbidden, "identity_disabled", "This account has been disabled.")
)
