package kratos

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
)

// Translator turns rows into what is stored here.
type Translator struct {
	Schemas *identity.Schemas

	// CheckHash refuses password hashes that nobody could sign in with.
	CheckHash func(hash string) error

	// SecondFactor makes the document of a second factor from what Kratos keeps of it, which is readable. Recovery codes
	// that were used are in it, and named besides.
	SecondFactor func(t identity.CredentialType, id identity.ID, config []byte) (made []byte, used []UsedCode, err error)

	Idle     time.Duration // how long a session may go unused; zero for no bound
	Remember bool          // whether cookies outlive the browser is decided by each session
}

// told receives what could not be taken over: the table, the id of its row, and why.
type told func(table, id, reason string)

// identity translates an identity. One that cannot be taken over whole in what protects it is not taken over at all: an
// account must not lose its second factor on the way.
func (t *Translator) identity(p person, tell told) (Identity, bool) {
	i, err := t.base(p.row)
	if err != nil {
		tell("identities", p.row.text(0), err.Error())
		return Identity{}, false
	}
	schema, derived, err := t.derive(p.row.text(1), i.Traits)
	if err != nil {
		tell("identities", p.row.text(0), err.Error())
		return Identity{}, false
	}
	i.SchemaID = schema.ID
	i.Verifiable = addresses(i, "identity_verifiable_addresses", p.verifiable, derived.Verifiable, true, tell)
	i.Recovery = addresses(i, "identity_recovery_addresses", p.recovery, derived.Recovery, false, tell)
	taken := Identity{Identity: i}
	if err := t.credentials(&taken, p, derived, tell); err != nil {
		tell("identities", p.row.text(0), err.Error())
		return Identity{}, false
	}
	i.AvailableAAL = i.Credentials.AvailableAAL()
	taken.Fingerprint = fingerprint(p.row, p.credentials, ownIdentifiers(p), p.verifiable, p.recovery)
	return taken, true
}

func ownIdentifiers(p person) (all []row) {
	for _, c := range p.credentials {
		all = append(all, p.identifiers[c.text(0)]...)
	}
	return all
}

// base reads what stands in the identity's own row.
func (t *Translator) base(x row) (*identity.Identity, error) {
	u, err := id(x.text(0))
	if err != nil {
		return nil, err
	}
	i := &identity.Identity{ID: identity.ID(u), State: identity.State(x.text(3)), OrganizationID: x.text(7), ExternalID: x.text(8), Credentials: identity.Credentials{}}
	if i.State != identity.Active && i.State != identity.Inactive {
		return nil, fmt.Errorf("the state %q is neither active nor inactive", printable(x.text(3), 40))
	}
	err = moments(x, map[int]string{9: "created_at", 10: "updated_at"}, map[int]*time.Time{9: &i.CreatedAt, 10: &i.UpdatedAt})
	if err != nil {
		return nil, err
	}
	if i.StateChangedAt, err = optional(x.text(4)); err != nil {
		return nil, fmt.Errorf("state_changed_at: %w", err)
	}
	if i.StateChangedAt.IsZero() {
		i.StateChangedAt = i.CreatedAt
	}
	for n, into := range map[int]*json.RawMessage{2: &i.Traits, 5: &i.MetadataPublic, 6: &i.MetadataAdmin} {
		if *into, err = object(x[n]); err != nil {
			return nil, fmt.Errorf("%s: %w", map[int]string{2: "traits", 5: "metadata_public", 6: "metadata_admin"}[n], err)
		}
	}
	if i.Traits == nil {
		i.Traits = json.RawMessage("{}")
	}
	return i, nil
}

// object is a document, or nil where there is none.
func object(text sql.NullString) (json.RawMessage, error) {
	doc := bytes.TrimSpace([]byte(text.String))
	if !text.Valid || len(doc) == 0 || string(doc) == "null" {
		return nil, nil
	}
	if !json.Valid(doc) {
		return nil, errors.New("is not JSON")
	}
	return doc, nil
}

func (t *Translator) derive(schemaID string, traits []byte) (*identity.Schema, *identity.Derived, error) {
	if schemaID == "" {
		return nil, nil, errors.New("it names no schema")
	}
	schema, err := t.Schemas.Find(schemaID)
	if err != nil {
		return nil, nil, fmt.Errorf("its schema %q is not among identity.schemas of exeunt's configuration", printable(schemaID, 80))
	}
	derived, err := schema.Derive(traits)
	if err != nil {
		return nil, nil, errors.New("its traits do not follow the schema: " + broken(err))
	}
	return schema, derived, nil
}

// broken names the rules that traits break, and nothing of what the traits say.
func broken(err error) string {
	var all *identity.TraitErrors
	if !errors.As(err, &all) || len(all.All) == 0 {
		return "they cannot be read"
	}
	first := all.All[0]
	if first.Kind == identity.Generic {
		return first.Path
	}
	return first.Path + " (" + string(first.Kind) + ")"
}

// addresses brings the addresses of a source together with those that the traits name. An address that no trait names is
// nobody's any more; one that has no row has not been verified.
func addresses(i *identity.Identity, table string, rows []row, places []identity.Place, verifiable bool, tell told) (all []identity.Address) {
	left := slices.Clone(rows)
	for _, p := range places {
		n := slices.IndexFunc(left, func(x row) bool { return x.text(2) == p.Via && identity.FoldIdentifier(x.text(3)) == p.Value })
		a := identity.Address{ID: uuid.NewSHA1(uuid.UUID(i.ID), []byte(table+"/"+p.Via+"/"+p.Value)), Value: p.Value, Via: p.Via,
			Status: identity.StatusPending, CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}
		if n >= 0 {
			if found, err := address(left[n], p); err != nil {
				tell(table, left[n].text(0), err.Error()+"; the address counts as not verified")
			} else {
				a = found
			}
			left = slices.Delete(left, n, n+1)
		}
		if !verifiable {
			a.Status = ""
		}
		all = append(all, a)
	}
	for _, x := range left {
		tell(table, x.text(0), "no trait of its identity names this address")
	}
	return all
}

func address(x row, p identity.Place) (a identity.Address, err error) {
	if a.ID, err = id(x.text(0)); err != nil {
		return a, err
	}
	a.Value, a.Via, a.Verified, a.Status = p.Value, p.Via, x.text(4) == "1", x.text(5)
	err = moments(x, map[int]string{7: "created_at", 8: "updated_at"}, map[int]*time.Time{7: &a.CreatedAt, 8: &a.UpdatedAt})
	if err != nil {
		return a, err
	}
	switch {
	case a.Verified:
		a.Status = identity.StatusCompleted
		a.VerifiedAt, err = optional(x.text(6))
	case a.Status != identity.StatusSent:
		a.Status = identity.StatusPending
	}
	return a, err
}
