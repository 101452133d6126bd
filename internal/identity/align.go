package identity

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// verifiable brings the verifiable addresses in line with the traits: known ones keep id and status, new ones start
// pending, others go. Statuses given with a draft count for addresses that exist.
func verifiable(old []Address, places []Place, statuses []AddressStatus, now time.Time) []Address {
	next := recovery(old, places, now)
	for n := range next {
		a := &next[n]
		if a.Status == "" {
			a.Status = StatusPending
		}
		for _, s := range statuses {
			if FoldIdentifier(s.Value) == a.Value {
				a.take(s, now)
			}
		}
	}
	return next
}

func (a *Address) take(s AddressStatus, now time.Time) {
	before := *a
	a.Verified = s.Verified
	switch {
	case s.Verified:
		a.Status = StatusCompleted
		if a.VerifiedAt.IsZero() {
			a.VerifiedAt = now
		}
		if !s.VerifiedAt.IsZero() {
			a.VerifiedAt = s.VerifiedAt
		}
	case s.Status == StatusSent:
		a.Status, a.VerifiedAt = StatusSent, time.Time{}
	default:
		a.Status, a.VerifiedAt = StatusPending, time.Time{}
	}
	if *a != before {
		a.UpdatedAt = now
	}
}

// recovery brings the recovery addresses in line with the traits.
func recovery(old []Address, places []Place, now time.Time) []Address {
	var next []Address
	for _, p := range places {
		i := slices.IndexFunc(old, func(a Address) bool { return a.Value == p.Value && a.Via == p.Via })
		if i >= 0 {
			next = append(next, old[i])
			continue
		}
		next = append(next, Address{ID: uuid.New(), Value: p.Value, Via: p.Via, CreatedAt: now, UpdatedAt: now})
	}
	return next
}

// identify gives every credential the identifiers that follow from the traits. Types without secret and identifier go.
func identify(old Credentials, identifiers map[CredentialType][]string, now time.Time) Credentials {
	next := Credentials{}
	for t, c := range old {
		if len(c.Config) > 0 {
			next[t] = c
		}
	}
	for _, t := range slices.Sorted(maps.Keys(identifiers)) {
		c, ok := old[t]
		if !ok {
			c = Credential{Type: t, Version: 1, CreatedAt: now, UpdatedAt: now}
		}
		if !slices.Equal(c.Identifiers, identifiers[t]) {
			c.Identifiers, c.UpdatedAt = identifiers[t], now
		}
		next[t] = c
	}
	for _, t := range []CredentialType{Password, Code, WebAuthn} { // the types whose identifiers come from traits
		if c, ok := next[t]; ok && len(identifiers[t]) == 0 {
			c.Identifiers = nil
			next[t] = c
		}
	}
	return next
}

// orNil treats a missing document and null alike.
func orNil(doc []byte) json.RawMessage {
	doc = bytes.TrimSpace(doc)
	if len(doc) == 0 || string(doc) == "null" {
		return nil
	}
	return doc
}

func orEmpty(doc []byte) json.RawMessage {
	if d := orNil(doc); d != nil {
		return d
	}
	return json.RawMessage("{}")
}
