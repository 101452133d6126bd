package ui

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"exeunt/internal/wire"
)

// IdentitiesPage finds people.
type IdentitiesPage struct {
	Query string
	Found []wire.Identity
	Next  *Older
}

type consoleIdentity struct {
	ID, Who, Address, Identifiers string
	Created                       instant
	Active                        bool
}

// Identities draws who was found.
func (c *Console) Identities(w io.Writer, v Visit, p IdentitiesPage) error {
	rows := make([]consoleIdentity, len(p.Found))
	for i, one := range p.Found {
		rows[i] = consoleIdentity{one.ID, named(one), c.path + "identities/" + one.ID, identifiers(one.Credentials), at(one.CreatedAt), one.State == "active"}
	}
	return c.draw(w, v, "identities", struct {
		Query string
		Rows  []consoleIdentity
		Next  *Older
	}{p.Query, rows, p.Next})
}

func named(i wire.Identity) string { return who(wire.Session{Identity: &i}) }

// unnamed are the credentials that nobody is found by. They have the id of the identity, which says nothing to a reader.
var unnamed = []string{"totp", "lookup_secret"}

// identifiers are what a person signs in with.
func identifiers(all map[string]wire.Credential) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if slices.Contains(unnamed, name) {
			continue
		}
		for _, text := range all[name].Identifiers {
			if !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	return strings.Join(texts, ", ")
}

// IdentityPage is one person.
type IdentityPage struct {
	Identity    wire.Identity
	Sessions    SessionsList
	MayWrite    bool // to change the identity
	MaySessions bool // to see the sessions
}

type consoleCredential struct {
	Type, Identifiers string
	Since             instant
}

// Identity draws a person.
func (c *Console) Identity(w io.Writer, v Visit, p IdentityPage) error {
	i, here := p.Identity, c.path+"identities/"+p.Identity.ID
	var credentials []consoleCredential
	for _, name := range slices.Sorted(maps.Keys(i.Credentials)) {
		one := i.Credentials[name]
		by := identifiers(map[string]wire.Credential{name: one})
		credentials = append(credentials, consoleCredential{name, by, at(one.CreatedAt)})
	}
	return c.draw(w, v, "identity", struct {
		ID, Who, Traits, Schema, State, EndAll, Events string
		Active, MayWrite, MayEnd, MaySessions          bool
		Created                                        instant
		Credentials                                    []consoleCredential
		Sessions                                       consoleSessions
	}{i.ID, named(i), indented(i.Traits), i.SchemaID, here + "/state", here + "/sessions", c.path + "events?identity_id=" + i.ID,
		i.State == "active", p.MayWrite, p.Sessions.MayWrite, p.MaySessions, at(i.CreatedAt), credentials, c.sessionRows(p.Sessions)})
}

func indented(document []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, document, "", "  ") != nil {
		return string(document)
	}
	return b.String()
}

// NameOf is what people call an identity.
func NameOf(i wire.Identity) string { return named(i) }
