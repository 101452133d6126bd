package wire

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
)

// Identity is an identity as clients see it.
type Identity struct {
	ID             string                `json:"id"`
	ExternalID     string                `json:"external_id,omitempty"`
	Credentials    map[string]Credential `json:"credentials,omitempty"`
	SchemaID       string                `json:"schema_id"`
	SchemaURL      string                `json:"schema_url"`
	State          string                `json:"state"`
	StateChangedAt *time.Time            `json:"state_changed_at,omitempty"`
	Traits         json.RawMessage       `json:"traits"`
	Verifiable     []VerifiableAddress   `json:"verifiable_addresses,omitempty"`
	Recovery       []RecoveryAddress     `json:"recovery_addresses,omitempty"`
	MetadataPublic json.RawMessage       `json:"metadata_public"`
	MetadataAdmin  json.RawMessage       `json:"metadata_admin,omitempty"`
	CreatedAt      time.Time             `json:"created_at"`
	UpdatedAt      time.Time             `json:"updated_at"`
	OrganizationID *string               `json:"organization_id"`
}

// Credential is a credential as administrators see it.
type Credential struct {
	Type        string          `json:"type"`
	Identifiers []string        `json:"identifiers"`
	Config      json.RawMessage `json:"config,omitempty"`
	Version     int             `json:"version"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// VerifiableAddress is an address whose owner can be verified.
type VerifiableAddress struct {
	ID         uuid.UUID  `json:"id"`
	Value      string     `json:"value"`
	Verified   bool       `json:"verified"`
	Via        string     `json:"via"`
	Status     string     `json:"status"`
	VerifiedAt *time.Time `json:"verified_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

// RecoveryAddress is an address through which an account can be recovered.
type RecoveryAddress struct {
	ID        uuid.UUID `json:"id"`
	Value     string    `json:"value"`
	Via       string    `json:"via"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// IdentityParts chooses what an identity is shown with.
type IdentityParts struct {
	Admin       bool // metadata_admin
	Credentials bool // types and identifiers
	Configs     []identity.CredentialType
}

// FromIdentity shows an identity.
func (v View) FromIdentity(i *identity.Identity, p IdentityParts) Identity {
	w := Identity{
		ID: i.ID.String(), ExternalID: i.ExternalID, SchemaID: i.SchemaID, SchemaURL: v.schemaURL(i.SchemaID),
		State: string(i.State), StateChangedAt: optional(i.StateChangedAt), Traits: i.Traits, MetadataPublic: i.MetadataPublic,
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
	if i.OrganizationID != "" {
		w.OrganizationID = &i.OrganizationID
	}
	if p.Admin {
		w.MetadataAdmin = i.MetadataAdmin
	}
	for _, a := range i.Verifiable {
		w.Verifiable = append(w.Verifiable, VerifiableAddress{a.ID, a.Value, a.Verified, a.Via, a.Status, optional(a.VerifiedAt), a.CreatedAt, a.UpdatedAt})
	}
	for _, a := range i.Recovery {
		w.Recovery = append(w.Recovery, RecoveryAddress{a.ID, a.Value, a.Via, a.CreatedAt, a.UpdatedAt})
	}
	if p.Credentials {
		w.Credentials = fromCredentials(i, p.Configs)
	}
	return w
}

// secondFactors are credentials that nobody is found by: they are known by the id of their identity.
var secondFactors = []identity.CredentialType{identity.TOTP, identity.LookupSecret}

func fromCredentials(i *identity.Identity, configs []identity.CredentialType) map[string]Credential {
	w := map[string]Credential{}
	for t, c := range i.Credentials {
		shown := Credential{Type: string(t), Identifiers: c.Identifiers, Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
		switch {
		case len(shown.Identifiers) > 0:
		case slices.Contains(secondFactors, t):
			shown.Identifiers = []string{i.ID.String()}
		default:
			shown.Identifiers = []string{}
		}
		if slices.Contains(configs, t) && len(c.Config) > 0 {
			shown.Config = c.Config
		}
		w[string(t)] = shown
	}
	return w
}

// Schema is a traits schema with its id.
type Schema struct {
	ID     string          `json:"id"`
	Schema json.RawMessage `json:"schema"`
}
