// Package event holds the record of what happened: to sessions, how they started and ended, to identities, to keys of the
// admin API, to settings and to deliveries.
//
// Whoever changes something writes its event in the same transaction, so that there is no change without an event and no
// event without a change. Transactions of many nodes commit in any order. The order in which events are read is made
// afterwards: a reader first gives the next positions to those that have none. An event that is committed later gets a
// later position, whatever its time says, so who has read up to a position has missed nothing.
package event

import "time"

// Event is one thing that happened.
type Event struct {
	Position   int64 // where it stands among all events; positions rise, and some numbers may be missing
	ID         string
	At         time.Time
	Kind       string
	SessionID  string // "" for an event of an identity
	IdentityID string // "" for one of a key or a setting
	Reason     string // of an end, why; of a change of an identity, its state; of a key, its name; of a setting, what it was and is; of a delivery, its id; else ""
	Actor      string // the id of an identity, the name of a key, "admin", "policy", or "" when nobody in particular did it
}

// Kinds are all kinds of events.
var Kinds = []string{"session_started", "session_refreshed", "session_stepped_up", "session_extended", "session_ended", "session_deleted",
	"identity_created", "identity_updated", "identity_deleted",
	"key_created", "key_revoked", "visit_started", "visit_ended", "settings_changed", "delivery_retried"}

// Filter chooses events; what is "" is not asked for.
type Filter struct {
	Kind, SessionID, IdentityID string
	Newest                      bool // the last of them, the last first
}

// Hour says how much happened of one kind in an hour. Count is zero where it is a key.
type Hour struct {
	At     time.Time // when it begins
	Kind   string
	Reason string // of the end of a session; else ""
	Count  int64
}
