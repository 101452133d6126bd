package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
)

// CreateIdentity is the body of a request to create an identity. Unknown keys are refused.
type CreateIdentity struct {
	SchemaID       string                       `json:"schema_id"`
	ExternalID     string                       `json:"external_id"`
	State          string                       `json:"state"`
	Traits         json.RawMessage              `json:"traits"`
	Credentials    map[string]CredentialRequest `json:"credentials"`
	Verifiable     []AddressRequest             `json:"verifiable_addresses"`
	Recovery       []AddressRequest             `json:"recovery_addresses"`
	MetadataPublic json.RawMessage              `json:"metadata_public"`
	MetadataAdmin  json.RawMessage              `json:"metadata_admin"`
	OrganizationID *string                      `json:"organization_id"`
}

// AddressRequest says how far an address has come. Whatever else clients send with one is ignored.
type AddressRequest struct {
	Value      string     `json:"value"`
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at"`
	ID         any        `json:"id"`
	CreatedAt  any        `json:"created_at"`
	UpdatedAt  any        `json:"updated_at"`
}

// CredentialRequest is a credential to set.
type CredentialRequest struct {
	Config      json.RawMessage `json:"config"`
	Type        any             `json:"type"`
	Identifiers any             `json:"identifiers"`
	Version     any             `json:"version"`
	CreatedAt   any             `json:"created_at"`
	UpdatedAt   any             `json:"updated_at"`
}

// KeepUnset drops the credentials without configuration. An answer of the admin API shows them so, and putting it back
// must not change them.
func (r *CreateIdentity) KeepUnset() {
	maps.DeleteFunc(r.Credentials, func(_ string, c CredentialRequest) bool { return len(c.Config) == 0 })
}

type passwordRequest struct {
	Clear  string `json:"password"`
	Hash   string `json:"hashed_password"`
	ByHook bool   `json:"use_password_migration_hook"`
}

// Draft is what the request wants the identity to be. A credential type that cannot be imported is refused by name.
func (r *CreateIdentity) Draft() (identity.Draft, error) {
	if err := checkLengths(r); err != nil {
		return identity.Draft{}, err
	}
	d := identity.Draft{
		SchemaID: r.SchemaID, ExternalID: r.ExternalID, State: identity.State(r.State), Traits: r.Traits,
		MetadataPublic: r.MetadataPublic, MetadataAdmin: r.MetadataAdmin,
	}
	if r.OrganizationID != nil {
		if _, err := identity.ParseID(*r.OrganizationID); err != nil && *r.OrganizationID != "" {
			return d, fault.New(fault.Invalid, "bad_uuid", "The value of organization_id is not a UUID.")
		}
		d.OrganizationID = *r.OrganizationID
	}
	for _, a := range r.Verifiable {
		s := identity.AddressStatus{Value: a.Value, Verified: a.Verified, Status: a.Status}
		if a.VerifiedAt != nil {
			s.VerifiedAt = a.VerifiedAt.UTC().Truncate(time.Microsecond)
		}
		d.Statuses = append(d.Statuses, s)
	}
	var err error
	d.Password, err = passwordOf(r.Credentials)
	return d, err
}

// checkLengths keeps what a store indexes within what it can.
func checkLengths(r *CreateIdentity) error {
	if len(r.ExternalID) > 512 {
		return fault.New(fault.Invalid, "external_id_too_long", "The external_id is longer than 512 bytes.")
	}
	return nil
}

func passwordOf(all map[string]CredentialRequest) (*identity.NewPassword, error) {
	for _, t := range slices.Sorted(maps.Keys(all)) {
		if !identity.KnownType(t) {
			return nil, fault.Invalidf("credential_unknown", "There is no credential type %q; a password can be imported as credentials.password.", brief(t))
		}
		if t != string(identity.Password) {
			return nil, fault.Invalidf("credential_import_unsupported", "Credentials of the type %q cannot be imported; credentials.password can.", t)
		}
	}
	c, ok := all[string(identity.Password)]
	if !ok {
		return nil, nil
	}
	var p passwordRequest
	if len(c.Config) > 0 {
		if err := decodeFault(json.Unmarshal(c.Config, &p)); err != nil {
			return nil, err
		}
	}
	if p.ByHook && p.Clear == "" && p.Hash == "" {
		return nil, fault.New(fault.Invalid, "credential_import_unsupported", "The password migration hook is not supported; import the hash as hashed_password.")
	}
	return &identity.NewPassword{Clear: p.Clear, Hash: p.Hash}, nil
}

// Batch is the body of a request to create many identities.
type Batch struct {
	Identities []BatchEntry `json:"identities"`
}

// BatchEntry is one identity to create. The client may name it with a UUID, to find its result by.
type BatchEntry struct {
	PatchID *string         `json:"patch_id"`
	Create  json.RawMessage `json:"create"`
}

// CheckName refuses a name that is no UUID. n is the place of the entry in its batch.
func (e BatchEntry) CheckName(n int) error {
	if e.PatchID == nil {
		return nil
	}
	if _, err := identity.ParseID(*e.PatchID); err != nil {
		return fault.Invalidf("bad_uuid", "The patch_id of identities[%d] is not a UUID.", n)
	}
	return nil
}

// BatchResult says what became of one entry of a batch.
type BatchResult struct {
	Action   string  `json:"action"`
	Identity string  `json:"identity,omitempty"`
	PatchID  *string `json:"patch_id,omitempty"`
	Error    *Error  `json:"error,omitempty"`
}

// BatchResults is the answer to a batch: one entry for each of the request, null where there was nothing to do.
type BatchResults struct {
	Identities []*BatchResult `json:"identities"`
}
