package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/wire"
)

// full shows everything about an identity but the secrets of its credentials.
var full = wire.IdentityParts{Admin: true, Credentials: true}

func (s *Server) createIdentity(w http.ResponseWriter, r *http.Request) error {
	var body wire.CreateIdentity
	if err := readJSON(w, r, maxAdminBody, &body, true); err != nil {
		return err
	}
	draft, err := body.Draft()
	if err != nil {
		return err
	}
	if err := mayTouch(w, draft.MetadataAdmin); err != nil {
		return err
	}
	i, err := s.Identities.Create(r.Context(), draft)
	if err != nil {
		return err
	}
	note(w, "identity_created", i.ID.String())
	w.Header().Set("Location", s.AdminBase+"identities/"+i.ID.String())
	return reply(w, http.StatusCreated, s.View.FromIdentity(i, full))
}

// named is the identity that a path names. A malformed id names none.
func named(r *http.Request) (identity.ID, error) {
	id, err := identity.ParseID(r.PathValue("id"))
	if err != nil {
		return id, identity.ErrNotFound.Saying("There is no such identity: the id in the path is not a UUID.")
	}
	return id, nil
}

func (s *Server) find(r *http.Request) (*identity.Identity, error) {
	id, err := named(r)
	if err != nil {
		return nil, err
	}
	return s.Identities.Store.Identity(r.Context(), id)
}

func (s *Server) identity(w http.ResponseWriter, r *http.Request) error {
	return s.showIdentity(w, r, s.find)
}

func (s *Server) identityByExternalID(w http.ResponseWriter, r *http.Request) error {
	return s.showIdentity(w, r, func(r *http.Request) (*identity.Identity, error) {
		id := r.PathValue("id")
		if id != clean(id, len(id)) { // no store holds such a text
			return nil, identity.ErrNotFound
		}
		return s.Identities.Store.IdentityByExternalID(r.Context(), id)
	})
}

func (s *Server) showIdentity(w http.ResponseWriter, r *http.Request, find func(*http.Request) (*identity.Identity, error)) error {
	configs, err := readConfigs(r)
	if err != nil {
		return err
	}
	i, err := find(r)
	if err != nil {
		return err
	}
	parts := full
	parts.Configs = configs
	return reply(w, http.StatusOK, s.View.FromIdentity(i, parts))
}

// readConfigs reads which credentials' configuration is to be shown.
func readConfigs(r *http.Request) (types []identity.CredentialType, err error) {
	for _, t := range r.URL.Query()["include_credential"] {
		if !identity.KnownType(t) {
			return nil, fault.Invalidf("include_credential_invalid", "The include_credential parameter names no credential type: %q.", shorten(t))
		}
		types = append(types, identity.CredentialType(t))
	}
	return types, nil
}

// updateIdentity replaces an identity. Metadata and external id that are left out are cleared; state, schema and
// credentials that are left out, or have no config, stay.
func (s *Server) updateIdentity(w http.ResponseWriter, r *http.Request) error {
	var body wire.CreateIdentity
	if err := readJSON(w, r, maxAdminBody, &body, false); err != nil {
		return err
	}
	body.KeepUnset()
	draft, err := body.Draft()
	if err != nil {
		return err
	}
	return s.change(w, r, func(i *identity.Identity) (identity.Draft, error) {
		d := draft
		if d.State == "" {
			d.State = i.State
		}
		if d.SchemaID == "" {
			d.SchemaID = i.SchemaID
		}
		if body.OrganizationID == nil {
			d.OrganizationID = i.OrganizationID
		}
		return d, nil
	})
}

// patchIdentity applies a JSON patch (RFC 6902).
func (s *Server) patchIdentity(w http.ResponseWriter, r *http.Request) error {
	body, err := readPatch(w, r)
	if err != nil {
		return err
	}
	return s.change(w, r, func(i *identity.Identity) (identity.Draft, error) { return s.View.Patch(i, body) })
}

// readPatch also takes the media type that RFC 6902 registers.
func readPatch(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if mediaType(r) == "application/json-patch+json" {
		return readAll(w, r, maxAdminBody)
	}
	return readBody(w, r, maxAdminBody)
}

// patience bounds how long a change is worked out anew because somebody else was faster.
const patience = 10 * time.Second

// change works out what an identity is to become and stores it, again if it was changed in between.
func (s *Server) change(w http.ResponseWriter, r *http.Request, become func(*identity.Identity) (identity.Draft, error)) error {
	for end := time.Now().Add(patience); ; {
		current, err := s.find(r)
		if err != nil {
			return err
		}
		draft, err := become(current)
		if err != nil {
			return err
		}
		if err := mayTouch(w, current.MetadataAdmin, draft.MetadataAdmin); err != nil {
			return err
		}
		next, err := s.Identities.Update(r.Context(), current, draft)
		if errors.Is(err, identity.ErrChanged) && time.Now().Before(end) && pause(r.Context()) == nil {
			continue
		}
		if err != nil {
			return err
		}
		note(w, "identity_updated", next.ID.String())
		return reply(w, http.StatusOK, s.View.FromIdentity(next, full))
	}
}

// pause waits a moment, at random so that those who collided do not meet again.
func pause(ctx context.Context) error {
	select {
	case <-time.After(rand.N(20 * time.Millisecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) deleteIdentity(w http.ResponseWriter, r *http.Request) error {
	id, err := named(r)
	if err != nil {
		return err
	}
	if err := s.Identities.Store.DeleteIdentity(r.Context(), id, s.Sessions.Moment()); err != nil {
		return err
	}
	note(w, "identity_deleted", id.String())
	return done(w)
}

// deleteCredential removes a credential of a type that can be removed by itself.
func (s *Server) deleteCredential(w http.ResponseWriter, r *http.Request) error {
	i, err := s.find(r)
	if err != nil {
		return err
	}
	if err := mayTouch(w, i.MetadataAdmin); err != nil {
		return err
	}
	t := r.PathValue("type")
	switch identity.CredentialType(t) {
	case identity.Code, identity.Passkey:
		return fault.Invalidf("credential_undeletable", "Credentials of the type %s cannot be deleted.", t)
	}
	if err := s.Identities.DeleteCredential(r.Context(), i.ID, identity.CredentialType(shorten(t))); err != nil {
		return err
	}
	note(w, "credential_deleted", i.ID.String())
	return done(w)
}
