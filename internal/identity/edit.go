package identity

import (
	"context"
	"maps"
	"slices"
)

// WithPassword returns the identity with another password, ready to be stored over it.
func (m *Manager) WithPassword(ctx context.Context, i *Identity, clear string) (*Identity, error) {
	next := m.next(i)
	return next, m.setPassword(ctx, next, &NewPassword{Clear: clear}, next.UpdatedAt)
}

// WithTraits returns the identity with other traits, ready to be stored over it, and whether that changes how somebody
// signs in as it or where they are reached. It fails with *TraitErrors.
func (m *Manager) WithTraits(i *Identity, traits []byte) (next *Identity, reach bool, err error) {
	schema, err := m.Schemas.Find(i.SchemaID)
	if err != nil {
		return nil, false, err
	}
	derived, err := schema.Derive(traits)
	if err != nil {
		return nil, false, err
	}
	next = m.next(i)
	next.Traits = orEmpty(traits)
	next.Verifiable = verifiable(i.Verifiable, derived.Verifiable, nil, next.UpdatedAt)
	next.Recovery = recovery(i.Recovery, derived.Recovery, next.UpdatedAt)
	next.Credentials = identify(i.Credentials, derived.Identifiers, next.UpdatedAt)
	return next, !reachedAlike(i, next), nil
}

// WithCredential returns the identity with another config of one credential, ready to be stored over it; nil removes it.
func (m *Manager) WithCredential(i *Identity, t CredentialType, config []byte) *Identity {
	next := m.next(i)
	c := i.Credentials[t]
	c.Type, c.Config, c.UpdatedAt = t, config, next.UpdatedAt
	if c.CreatedAt.IsZero() {
		c.CreatedAt, c.Version = next.UpdatedAt, 1
	}
	next.Credentials[t] = c
	if config == nil {
		delete(next.Credentials, t)
	}
	next.AvailableAAL = next.Credentials.AvailableAAL()
	return next
}

// next is a copy of an identity for a change: its maps are its own.
func (m *Manager) next(i *Identity) *Identity {
	next := *i
	next.UpdatedAt, next.Credentials = m.later(i.UpdatedAt), maps.Clone(i.Credentials)
	if next.Credentials == nil {
		next.Credentials = Credentials{}
	}
	return &next
}

// reachedAlike compares identifiers and addresses.
func reachedAlike(a, b *Identity) bool {
	same := func(x, y Address) bool { return x.Value == y.Value && x.Via == y.Via }
	identified := func(x, y Credential) bool { return slices.Equal(x.Identifiers, y.Identifiers) }
	return slices.EqualFunc(a.Verifiable, b.Verifiable, same) && slices.EqualFunc(a.Recovery, b.Recovery, same) &&
		maps.EqualFunc(a.Credentials, b.Credentials, identified)
}
