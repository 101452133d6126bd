package identity

import (
	"context"
	"errors"
	"time"
)

// Hasher turns clear-text passwords into hashes and judges imported ones.
type Hasher interface {
	// Hash returns the hash to store. It may wait for others to finish; it answers a busy fault instead of waiting long.
	Hash(ctx context.Context, password string) (string, error)

	// CheckImported refuses a hash whose format is unknown or whose cost is over the limits.
	CheckImported(hash string) error
}

// Manager applies the rules of identities. It is safe for concurrent use.
type Manager struct {
	Store   Store
	Schemas *Schemas
	Hasher  Hasher
	Now     func() time.Time // nil means time.Now
}

// Draft is what somebody wants an identity to be.
type Draft struct {
	SchemaID       string // "" means the default schema
	ExternalID     string
	State          State // "" means active
	Traits         []byte
	MetadataPublic []byte
	MetadataAdmin  []byte
	OrganizationID string
	Password       *NewPassword // nil keeps what is there
	Statuses       []AddressStatus
}

// NewPassword is a password to set: in clear text, which wins, or as a hash made elsewhere.
type NewPassword struct{ Clear, Hash string }

// AddressStatus tells how far the verification of one address has come. It never adds an address: these follow from
// the traits alone.
type AddressStatus struct {
	Value      string
	Verified   bool
	Status     string
	VerifiedAt time.Time
}

func (m *Manager) now() time.Time {
	if m.Now != nil {
		return m.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// Build makes a new identity from a draft without storing it. It fails with ErrNoSchema, ErrBadState, *TraitErrors, or
// what the hasher says.
func (m *Manager) Build(ctx context.Context, d Draft) (*Identity, error) {
	now := m.now()
	i := &Identity{ID: NewID(), CreatedAt: now, Credentials: Credentials{}}
	if d.State == "" {
		d.State = Active
	}
	if err := m.apply(ctx, i, d, now); err != nil {
		return nil, err
	}
	return i, nil
}

// Create stores a new identity. It fails as Build does, and with ErrTaken.
func (m *Manager) Create(ctx context.Context, d Draft) (*Identity, error) {
	i, err := m.Build(ctx, d)
	if err != nil {
		return nil, err
	}
	return i, m.Store.InsertIdentity(ctx, i)
}

// Update gives the identity current the form of the draft, for an administrator. It fails as Create does, and with
// ErrChanged when current is no longer what is stored. An identity that becomes inactive loses its sessions in the same
// transaction; one that gets a new password keeps them, as an administrator who wants them ended says so.
func (m *Manager) Update(ctx context.Context, current *Identity, d Draft) (*Identity, error) {
	next := *current
	if err := m.apply(ctx, &next, d, m.later(current.UpdatedAt)); err != nil {
		return nil, err
	}
	return &next, m.Store.UpdateIdentity(ctx, &next, current.UpdatedAt, AdminIn(ctx))
}

// later is now, but always after a version that it replaces: clocks of several nodes may differ.
func (m *Manager) later(version time.Time) time.Time {
	now := m.now()
	if !now.After(version) {
		return version.Add(time.Microsecond)
	}
	return now
}

// apply writes a draft over i.
func (m *Manager) apply(ctx context.Context, i *Identity, d Draft, now time.Time) error {
	schema, err := m.Schemas.Find(d.SchemaID)
	if err != nil {
		return err
	}
	if d.State != Active && d.State != Inactive {
		return ErrBadState
	}
	derived, err := schema.Derive(d.Traits)
	if err != nil {
		return err
	}
	if i.State != d.State {
		i.State, i.StateChangedAt = d.State, now
	}
	i.SchemaID, i.ExternalID, i.Traits, i.UpdatedAt = schema.ID, d.ExternalID, orEmpty(d.Traits), now
	i.MetadataPublic, i.MetadataAdmin, i.OrganizationID = orNil(d.MetadataPublic), orNil(d.MetadataAdmin), d.OrganizationID
	i.Verifiable = verifiable(i.Verifiable, derived.Verifiable, d.Statuses, now)
	i.Recovery = recovery(i.Recovery, derived.Recovery, now)
	i.Credentials = identify(i.Credentials, derived.Identifiers, now)
	if err := m.setPassword(ctx, i, d.Password, now); err != nil {
		return err
	}
	i.AvailableAAL = i.Credentials.AvailableAAL()
	return nil
}

func (m *Manager) setPassword(ctx context.Context, i *Identity, p *NewPassword, now time.Time) error {
	if p == nil {
		return nil
	}
	hash := p.Hash
	if p.Clear != "" {
		var err error
		if hash, err = m.Hasher.Hash(ctx, p.Clear); err != nil {
			return err
		}
	} else if err := m.Hasher.CheckImported(hash); err != nil {
		return err
	}
	c := i.Credentials[Password]
	c.Type, c.Config, c.UpdatedAt = Password, PasswordConfig(hash), now
	if c.CreatedAt.IsZero() {
		c.CreatedAt, c.Version = now, 1
	}
	i.Credentials[Password] = c
	return nil
}

// DeleteCredential removes the secret of one credential. The last first factor stays: ErrLastFactor; a type that is not
// set is ErrNoCredential. Sessions live on.
func (m *Manager) DeleteCredential(ctx context.Context, id ID, t CredentialType) error {
	for {
		i, err := m.Store.Identity(ctx, id)
		if err != nil {
			return err
		}
		next, err := without(i, t, m.later(i.UpdatedAt))
		if err != nil {
			return err
		}
		if err := m.Store.UpdateIdentity(ctx, next, i.UpdatedAt, AdminIn(ctx)); !errors.Is(err, ErrChanged) {
			return err
		}
	}
}

func without(i *Identity, t CredentialType, now time.Time) (*Identity, error) {
	c, ok := i.Credentials[t]
	if !ok || len(c.Config) == 0 {
		return nil, ErrNoCredential.Saying("The identity has no credential of the type %q set up.", t)
	}
	if t == Password {
		return nil, ErrLastFactor
	}
	next := *i
	next.Credentials = Credentials{}
	for k, v := range i.Credentials {
		next.Credentials[k] = v
	}
	c.Config, c.UpdatedAt, next.UpdatedAt = nil, now, now
	next.Credentials[t] = c
	next.AvailableAAL = next.Credentials.AvailableAAL()
	return &next, nil
}

// SetState activates or deactivates an identity for an administrator. One that is in that state already is a success; one
// that becomes inactive loses its sessions in the same transaction.
func (m *Manager) SetState(ctx context.Context, id ID, state State) error {
	for {
		i, err := m.Store.Identity(ctx, id)
		if err != nil {
			return err
		}
		if i.State == state {
			return m.Store.Confirm(ctx)
		}
		next := m.next(i)
		next.State, next.StateChangedAt = state, next.UpdatedAt
		if err := m.Store.UpdateIdentity(ctx, next, i.UpdatedAt, AdminIn(ctx)); !errors.Is(err, ErrChanged) {
			return err
		}
	}
}
