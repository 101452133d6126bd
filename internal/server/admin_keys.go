package server

import (
	"net/http"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/wire"
)

// listKeys lists the keys, those too that were revoked, the newest first.
func (s *Server) listKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := s.AdminKeys.Store.AdminKeys(r.Context())
	if err != nil {
		return err
	}
	now := s.Sessions.Moment()
	shown := make([]wire.Key, len(all))
	for i, k := range all {
		shown[i] = wire.FromKey(k, now)
	}
	return reply(w, http.StatusOK, shown)
}

// createKey makes a key, and shows its secret: now and never again.
func (s *Server) createKey(w http.ResponseWriter, r *http.Request) error {
	var body wire.NewKey
	if err := readJSON(w, r, maxBody, &body, true); err != nil {
		return err
	}
	scopes, err := admin.ParseScopes(body.Scopes)
	if err != nil {
		return err
	}
	expires := time.Time{}
	if body.ExpiresAt != nil {
		expires = *body.ExpiresAt
	}
	if body.ExpiresAt != nil && expires.IsZero() {
		return admin.ErrBadExpiry
	}
	k, secret, err := s.AdminKeys.Create(r.Context(), body.Name, scopes, expires)
	if err != nil {
		return err
	}
	note(w, "key_created", k.Name)
	return reply(w, http.StatusCreated, wire.FromNewKey(k, secret, s.Sessions.Moment()))
}

// revokeKey ends a key for good. A second time is no failure.
func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request) error {
	if err := s.AdminKeys.Revoke(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	note(w, "key_revoked", shorten(r.PathValue("id")))
	return done(w)
}
