// Package identity holds who somebody is: identities, their traits and the schema these follow, their credentials and
// their addresses. It knows the rules; storing and showing them is the work of others.
package identity

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
)

// ID names an identity. It is random (RFC 9562, version 4).
type ID uuid.UUID

// NewID makes a random ID.
func NewID() ID { return ID(uuid.New()) }

// ParseID reads an ID in any of the spellings RFC 9562 tools write: canonical, upper case, without dashes, in braces,
// or as a urn. Anything else is [ErrBadID].
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || uuid.Validate(s) != nil { // Parse does not look at what stands around 36 characters
		return ID{}, ErrBadID
	}
	return ID(u), nil
}

// String returns the canonical spelling.
func (id ID) String() string { return uuid.UUID(id).String() }

// State says whether an identity may sign in and have sessions.
type State string

// The two states.
const (
	Active   State = "active"
	Inactive State = "inactive"
)

// AAL is an authenticator assurance level (NIST SP 800-63B, section 4). Zero means that nothing was proved.
type AAL int8

// The levels in use: one factor, or two.
const (
	AAL0 AAL = iota
	AAL1
	AAL2
)

// String returns the spelling clients know: aal0, aal1, aal2.
func (a AAL) String() string { return "aal" + string(rune('0'+a)) }

// Identity is a person, or a machine, that can sign in. JSON documents are kept as they were given.
type Identity struct {
	ID             ID
	State          State
	AvailableAAL   AAL    // the highest level that the credentials allow
	ExternalID     string // unique when set
	SchemaID       string
	StateChangedAt time.Time
	Traits         json.RawMessage
	Verifiable     []Address
	Recovery       []Address
	MetadataPublic json.RawMessage // nil when unset
	MetadataAdmin  json.RawMessage // nil when unset; for administrators only
	OrganizationID string          // empty when unset
	Credentials    Credentials     // nil when not loaded
	CreatedAt      time.Time
	UpdatedAt      time.Time // doubles as the version for optimistic updates
}

// Address is a place where a person can be reached; every one is derived from a trait.
type Address struct {
	ID         uuid.UUID
	Value      string
	Via        string // email or sms
	Verified   bool
	Status     string // pending, sent or completed
	VerifiedAt time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// The statuses of a verifiable address.
const (
	StatusPending   = "pending"
	StatusSent      = "sent"
	StatusCompleted = "completed"
)

// Failures that callers may see.
var (
	ErrBadID        = fault.New(fault.Invalid, "bad_uuid", "The identity id is not a UUID; an id looks like 4e9b69be-1be7-45fe-8014-af07bb165959.")
	ErrNotFound     = fault.New(fault.NotFound, "identity_not_found", "There is no such identity.")
	ErrTaken        = fault.New(fault.Conflict, "identity_conflict", "This identity conflicts with another identity that already exists: an identifier or the external id is taken.")
	ErrChanged      = fault.New(fault.Conflict, "identity_changed", "The identity was changed by somebody else at the same time. Read it again and repeat the change.")
	ErrBadState     = fault.New(fault.Invalid, "identity_state_invalid", "The identity state is not valid; it is either active or inactive.")
	ErrNoSchema     = fault.New(fault.Invalid, "identity_schema_unknown", "There is no identity schema with this id.")
	ErrBadTraits    = fault.New(fault.Invalid, "identity_traits_invalid", "The traits do not follow the identity schema.")
	ErrNoCredential = fault.New(fault.NotFound, "credential_not_found", "The identity has no credential of this type.")
	ErrLastFactor   = fault.New(fault.Invalid, "credential_last_first_factor", "You cannot remove the last first factor credential.")
)
