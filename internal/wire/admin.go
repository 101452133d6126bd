package wire

import (
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

// Key is a key of the admin API as administrators see it.
type Key struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Scopes     []admin.Scope `json:"scopes"`
	Active     bool          `json:"active"`
	CreatedAt  time.Time     `json:"created_at"`
	CreatedBy  string        `json:"created_by"`
	ExpiresAt  *time.Time    `json:"expires_at"`
	RevokedAt  *time.Time    `json:"revoked_at"`
	LastUsedAt *time.Time    `json:"last_used_at"`
	Secret     string        `json:"secret,omitempty"` // in the answer of the request that made the key
}

// FromKey shows a key.
func FromKey(k *admin.Key, now time.Time) Key {
	return Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes, Active: k.Live(now), CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy,
		ExpiresAt: optional(k.ExpiresAt), RevokedAt: optional(k.RevokedAt), LastUsedAt: optional(k.LastUsedAt)}
}

// FromNewKey shows a key with its secret, once.
func FromNewKey(k *admin.Key, secret session.Secret, now time.Time) Key {
	w := FromKey(k, now)
	w.Secret = secret.Reveal()
	return w
}

// NewKey is a request for a key.
type NewKey struct {
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Settings are what can be changed while servers run: all that is in force, what of it was set here, and where each value
// comes from.
type Settings struct {
	Version   int64             `json:"version"`
	ChangedAt *time.Time        `json:"changed_at"`
	Settings  map[string]any    `json:"settings"`
	Stored    map[string]any    `json:"stored"`
	Sources   map[string]string `json:"sources"`
}
