// Package otp holds the second factors that are typed: the codes of authenticator apps (RFC 6238), and lookup secrets, a
// list of codes on paper that each work once (NIST SP 800-63B, sections 5.1.4 and 5.1.2).
//
// Both have to be kept in a form that can be read again, so they are closed with a key that is not in the database.
package otp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/vault"
)

// Codes remembers which codes were used.
type Codes interface {
	// UseCode notes the use of a code, known by a hash, that could be used until a moment; zero is for ever. It reports
	// whether this is the first time: of several at once, one is.
	UseCode(ctx context.Context, id identity.ID, hash string, now, until time.Time) (first bool, err error)

	// UsedCodes returns when an identity has used which codes, by their hashes.
	UsedCodes(ctx context.Context, id identity.ID) (map[string]time.Time, error)
}

// hash is what is remembered of a code.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// config is the document of a credential: what is kept, closed. The open forms are those of other servers, from which
// credentials may have been taken over.
type config struct {
	Closed  string       `json:"closed,omitempty"`
	TOTPURL string       `json:"totp_url,omitempty"`
	Codes   []openLookup `json:"recovery_codes,omitempty"`
}

type openLookup struct {
	Code   string `json:"code"`
	UsedAt any    `json:"used_at"`
}

func purpose(t identity.CredentialType, id identity.ID) string {
	return string(t) + " of " + id.String()
}

// closed makes the document for a credential.
func closed(v *vault.Vault, t identity.CredentialType, id identity.ID, plain []byte) []byte {
	b, _ := json.Marshal(config{Closed: v.Close(purpose(t, id), plain)}) // a struct of texts cannot fail
	return b
}

// opened reads the document of a credential; nil when the identity has none.
func opened(v *vault.Vault, t identity.CredentialType, i *identity.Identity) (plain []byte, c config, err error) {
	raw := i.Credentials[t].Config
	if len(raw) == 0 {
		return nil, c, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, c, fmt.Errorf("reading the credential %s of %s: %w", t, i.ID, err)
	}
	if c.Closed == "" {
		return nil, c, nil
	}
	if plain, err = v.Open(purpose(t, i.ID), c.Closed); err != nil {
		return nil, c, fmt.Errorf("reading the credential %s of %s: %w", t, i.ID, err)
	}
	return plain, c, nil
}

func moment(now func() time.Time) time.Time {
	if now != nil {
		return now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}
