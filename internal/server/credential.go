package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"exeunt/internal/session"
)

// credential picks the session token of a request: the header X-Session-Token if it is there, whatever it holds, else a
// bearer token (RFC 6750, section 2.1). No other place is looked at, and the choice is made once.
func credential(r *http.Request) (session.Secret, bool) {
	if v := r.Header.Get("X-Session-Token"); v != "" {
		return parsed(v)
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || strings.HasPrefix(token, " ") {
		return session.Secret{}, false
	}
	return parsed(token)
}

func parsed(v string) (session.Secret, bool) {
	token, err := session.ParseSecret(v)
	return token, err == nil
}

// current returns the caller's session, or nil when there is none that counts. A session that has yet to be stepped up
// counts. A store that cannot be reached is an error, never "no session".
func (s *Server) current(ctx context.Context, r *http.Request) (*session.Session, error) {
	token, ok := credential(r)
	if !ok {
		return nil, nil
	}
	found, err := s.Sessions.Lookup(ctx, token)
	if errors.Is(err, session.ErrNone) {
		return nil, nil
	}
	return found, err
}
