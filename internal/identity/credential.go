package identity

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// CredentialType names a way to authenticate.
type CredentialType string

// The types that a traits schema, or a stored credential, may name.
const (
	Password     CredentialType = "password"
	Code         CredentialType = "code"
	TOTP         CredentialType = "totp"
	LookupSecret CredentialType = "lookup_secret"
	WebAuthn     CredentialType = "webauthn"
	Passkey      CredentialType = "passkey"
	OIDC         CredentialType = "oidc"
	SAML         CredentialType = "saml"
)

// KnownType reports whether name is a credential type of the wire contract.
func KnownType(name string) bool {
	return slices.Contains([]CredentialType{Password, Code, TOTP, LookupSecret, WebAuthn, Passkey, OIDC, SAML}, CredentialType(name))
}

// Credential is one way an identity can prove itself. An entry without a secret still reserves its identifiers.
type Credential struct {
	Type        CredentialType
	Identifiers []string        // normalised, unique for each type
	Config      json.RawMessage // what the method must remember; nil when nothing is set
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Credentials are an identity's credentials by type.
type Credentials map[CredentialType]Credential

// passwordConfig is the document of a password credential.
type passwordConfig struct {
	Hash string `json:"hashed_password,omitempty"`
}

// PasswordConfig makes the document that keeps a password hash.
func PasswordConfig(hash string) json.RawMessage {
	b, _ := json.Marshal(passwordConfig{Hash: hash}) // a struct of one string cannot fail
	return b
}

// PasswordHash returns the hash of the password credential, or "" when no password is set.
func (c Credentials) PasswordHash() string {
	var p passwordConfig
	if len(c[Password].Config) == 0 || json.Unmarshal(c[Password].Config, &p) != nil {
		return ""
	}
	return p.Hash
}

// AvailableAAL is the highest level that can be reached: two factors when a second one is set up, else one.
func (c Credentials) AvailableAAL() AAL {
	for _, t := range []CredentialType{TOTP, LookupSecret, WebAuthn} {
		if len(c[t].Config) > 0 {
			return AAL2
		}
	}
	return AAL1
}

// Standing is a hash of all secrets that somebody signs in with: it changes when one is set, replaced or removed.
func (c Credentials) Standing() [sha256.Size]byte {
	var all []byte
	for _, t := range []CredentialType{Password, TOTP, LookupSecret, WebAuthn} {
		hash := sha256.Sum256(c[t].Config) // of one length, so that they cannot run into each other
		all = append(all, hash[:]...)
	}
	return sha256.Sum256(all)
}

// FoldIdentifier brings an identifier into the form in which it is stored and compared: trimmed and in lower case.
func FoldIdentifier(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
