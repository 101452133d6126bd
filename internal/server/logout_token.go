package server

import (
	"strings"

	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// A logout token names a session and where to go then. It is a genuine one of this server, or nothing; and it is no
// credential: without that session's own it ends nothing.
const logoutPrefix = "ory_lo_"

func (s *Server) logoutToken(id session.ID, to flow.Return) string {
	return logoutPrefix + seals(s.Keys).seal("logout", append(id[:], to.String()...))
}

func (s *Server) openLogoutToken(token string) (id session.ID, returnTo string, genuine bool) {
	text, ok := strings.CutPrefix(token, logoutPrefix)
	if !ok {
		return id, "", false
	}
	b, ok := seals(s.Keys).open("logout", text)
	if !ok || len(b) < len(id) {
		return id, "", false
	}
	return session.ID(b[:len(id)]), string(b[len(id):]), true
}
