// Package admin says who may use the admin API: keys, and what each of them allows.
//
// A key counts as long as the store says so, at every call and on every node: there is no list in memory that could be
// out of date. Whoever holds a key is known in the events by its name.
package admin

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// InKey is how the secret of a key begins, so that scanners for lost secrets find it.
const InKey session.Carrier = "ory_pat_"

// Scope is a part of the admin API that a key opens.
type Scope string

// The scopes. One that writes reads as well, and All opens everything.
const (
	SessionsRead    Scope = "sessions:read"
	SessionsWrite   Scope = "sessions:write"
	IdentitiesRead  Scope = "identities:read"
	IdentitiesWrite Scope = "identities:write"
	Settings        Scope = "settings"
	All             Scope = "all"
)

// Scopes are all there are.
var Scopes = []Scope{SessionsRead, SessionsWrite, IdentitiesRead, IdentitiesWrite, Settings, All}

// Key is a key without its secret, which is nowhere.
type Key struct {
	ID         string
	Name       string // no other key that was not revoked has it
	Scopes     []Scope
	CreatedAt  time.Time
	CreatedBy  string
	ExpiresAt  time.Time // zero for never
	RevokedAt  time.Time // zero while it was not
	LastUsedAt time.Time // to about a minute; zero for never
}

// Live reports whether the key counts.
func (k *Key) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Allows reports whether the key opens a part of the API.
func (k *Key) Allows(need Scope) bool { return Allow(k.Scopes, need) }

// Allow reports whether scopes open a part of the API; "" is open to all.
func Allow(scopes []Scope, need Scope) bool {
	if need == "" {
		return true
	}
	writing := Scope(strings.Replace(string(need), ":read", ":write", 1))
	return slices.ContainsFunc(scopes, func(s Scope) bool { return s == need || s == writing || s == All })
}

// Failures of keys.
var (
	ErrNoKey     = fault.New(fault.NotFound, "admin_key_not_found", "There is no such key.")
	ErrNameTaken = fault.New(fault.Conflict, "admin_key_name_taken", "Another key has this name. Choose another one, or revoke that key first.")
	ErrBadName   = fault.New(fault.Invalid, "admin_key_name_invalid", "The name of a key has 1 to 63 small letters, digits, dots, dashes and underscores, begins with a letter or digit, and is neither admin, policy, import nor an id.")
	ErrBadScope  = fault.New(fault.Invalid, "admin_key_scopes_invalid", "A key needs one scope at least, each out of "+scopeList()+".")
	ErrBadExpiry = fault.New(fault.Invalid, "admin_key_expiry_invalid", "A key expires in the future, or never.")
)

func scopeList() string {
	names := make([]string, len(Scopes))
	for i, s := range Scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// otherActors are those of events that are neither identities nor keys; the last is whoever took over from another server.
var otherActors = []string{identity.Admin, session.ByPolicy, "import"}

// checkName refuses names that could be taken for another actor of an event.
func checkName(name string) error {
	if !keyName.MatchString(name) || slices.Contains(otherActors, name) || uuid.Validate(name) == nil {
		return ErrBadName
	}
	return nil
}

// ParseScopes reads scopes. Unknown ones, and none at all, are ErrBadScope.
func ParseScopes(texts []string) (all []Scope, err error) {
	for _, text := range texts {
		s := Scope(text)
		if !slices.Contains(Scopes, s) {
			return nil, ErrBadScope
		}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, ErrBadScope
	}
	return all, nil
}
