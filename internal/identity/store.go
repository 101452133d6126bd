package identity

import (
	"context"
	"time"
)

// Store keeps identities. Every method is atomic and safe for concurrent use; a store that cannot be reached answers
// fault.ErrUnavailable. Times are kept in microseconds.
type Store interface {
	// InsertIdentity stores a new identity with its credentials. ErrTaken when an identifier or external id is in use; a
	// fault of kind Invalid when a text cannot be stored, as NUL and what is not UTF-8 cannot.
	InsertIdentity(ctx context.Context, i *Identity) error

	// InsertIdentities stores each one as InsertIdentity does, earlier before later, and returns one result for each.
	// A failure of the store itself is the second result; nothing is stored then.
	InsertIdentities(ctx context.Context, all []*Identity) ([]error, error)

	// Identity returns the identity with its credentials, or ErrNotFound.
	Identity(ctx context.Context, id ID) (*Identity, error)

	// IdentityByExternalID returns the identity that has this external id, or ErrNotFound.
	IdentityByExternalID(ctx context.Context, externalID string) (*Identity, error)

	// IdentityByIdentifier returns the identity that owns a folded identifier of a credential type, or ErrNotFound.
	IdentityByIdentifier(ctx context.Context, t CredentialType, identifier string) (*Identity, error)

	// UpdateIdentity replaces the identity, its credentials included, if it is still at version (an UpdatedAt); else
	// ErrChanged, or ErrNotFound. Making it inactive ends its sessions in the same transaction. by is whose change it is:
	// the identity's own id, or [Admin].
	UpdateIdentity(ctx context.Context, i *Identity, version time.Time, by string) error

	// DeleteIdentity removes the identity and ends its sessions in the same transaction. ErrNotFound when there is none.
	DeleteIdentity(ctx context.Context, id ID, now time.Time) error

	// ReplaceCredential puts next in the place of a credential's config if that is still old, and reports whether it did.
	ReplaceCredential(ctx context.Context, id ID, t CredentialType, old, next []byte, now time.Time) (bool, error)

	// ListIdentities returns up to f.Limit identities in the order of their ids, after f.After.
	ListIdentities(ctx context.Context, f Filter) ([]*Identity, error)

	// Identifiers returns folded identifiers that begin with prefix and come after after, in their order, and whose they are;
	// one that several types of credentials have is there for each of them.
	Identifiers(ctx context.Context, prefix, after string, limit int) ([]Identifier, error)

	// Confirm returns when what was read before is as durable as what is written.
	Confirm(ctx context.Context) error

	// CountIdentities counts what a filter would list without its limit and position.
	CountIdentities(ctx context.Context, f Filter) (int, error)
}

// Identifier is a folded identifier and whose it is.
type Identifier struct {
	Text string
	ID   ID
}

// Admin is who made a change that came through the admin API.
const Admin = "admin"

// Filter chooses identities for a list. At most one of IDs, Identifier, IdentifierPrefix and Organization is set.
type Filter struct {
	IDs              []ID
	Identifier       string // folded; exact
	IdentifierPrefix string // folded
	Organization     string

	WithCredentials bool
	After           string // the canonical id of the last identity of the page before, or ""
	Limit           int
	Offset          int
}
