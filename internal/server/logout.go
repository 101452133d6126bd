package server

import (
	"encoding/json"
	"net/http"

	"exeunt/internal/session"
)

// nativeLogout ends the session of the token in the body. Nothing else in the request counts: no header, no cookie. Being
// signed out already is a success.
func (s *Server) nativeLogout(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		SessionToken json.RawMessage `json:"session_token"`
	}
	if err := readJSON(w, r, maxBody, &body, false); err != nil {
		return err
	}
	var text *string
	if err := json.Unmarshal(body.SessionToken, &text); err != nil || text == nil {
		return session.ErrBadToken
	}
	token, err := session.ParseSecret(*text)
	if err != nil {
		return err
	}
	if err := s.Sessions.Logout(r.Context(), token); err != nil {
		return err
	}
	note(w, "ended", "logout")
	return done(w)
}
