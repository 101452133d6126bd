package server

import (
	"bytes"
	"errors"
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/token"
)

// templateOf is the template of the token that a request asks for, or "".
func templateOf(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("tokenize_as")
}

// tokenized adds a token about the session to the session's JSON.
func (s *Server) tokenized(w http.ResponseWriter, r *http.Request, template string, found *session.Session, body []byte) ([]byte, error) {
	end := found.ExpiresAt
	if until := found.TokenUntil; until != nil && until.Before(end) {
		end = *until // whoever knows only what was replaced gets nothing that holds for longer
	}
	signed, err := s.Tokens.Sign(r.Context(), template, token.Subject{
		Session: found.ID.String(), Identity: found.IdentityID.String(), ExternalID: found.Identity.ExternalID,
		ExpiresAt: end, JSON: body,
	}, s.Sessions.Moment())
	if errors.Is(err, token.ErrMapper) {
		note(w, "cause", errors.Unwrap(fault.From(err)).Error()) // it is not the client who can do something about it
	}
	if err != nil {
		return nil, err
	}
	open := bytes.TrimSuffix(body, []byte("}\n"))
	return bytes.Join([][]byte{open, []byte(`,"tokenized":"`), []byte(signed), []byte("\"}\n")}, nil), nil
}

// keysFor is how long the published keys may be kept. A key should be published for longer before it begins.
const keysFor = "public, max-age=60"

// keySet publishes the keys that check tokens. They are no secret, and the same for everybody.
func (s *Server) keySet(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Cache-Control", keysFor)
	if h.Del("Vary"); s.cors != nil {
		h["Vary"] = []string{"Origin"} // CORS marks this answer too
	}
	of(w).quiet = true
	replyBytes(w, http.StatusOK, s.Tokens.KeySet(s.Sessions.Moment()))
	return nil
}
