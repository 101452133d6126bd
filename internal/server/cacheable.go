package server

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"exeunt/internal/session"
)

// cacheHeader says for how many seconds whoever asks whoami may keep the answer (feature_flags.cacheable_sessions).
const cacheHeader = "Ory-Session-Cache-For"

// cacheable marks the answer about a session, for as long as the session lives at most.
func (s *Server) cacheable(w http.ResponseWriter, found *session.Session) {
	if !s.CacheFor {
		return
	}
	left := found.ExpiresAt.Sub(s.Sessions.Moment())
	if found.TokenUntil != nil {
		left = min(left, found.TokenUntil.Sub(s.Sessions.Moment()))
	}
	if s.CacheMax > 0 {
		left = min(left, s.CacheMax)
	}
	w.Header().Set(cacheHeader, strconv.Itoa(int(math.Round(left.Seconds()))))
}

// nobodyFor is for how long it may be kept that a request without a credential is nobody's.
const nobodyFor = "60"

// cacheNobody marks the answer to a request that carries no credential at all. One with a credential that does not
// count is never to be kept.
func (s *Server) cacheNobody(w http.ResponseWriter, r *http.Request, err error) {
	if s.CacheFor && errors.Is(err, session.ErrNone) && !s.carries(r) {
		w.Header().Set(cacheHeader, nobodyFor)
	}
}

// carries reports whether a request has anything that could be a credential.
func (s *Server) carries(r *http.Request) bool {
	scheme, _, bearer := strings.Cut(r.Header.Get("Authorization"), " ")
	if r.Header.Get("X-Session-Token") != "" || bearer && strings.EqualFold(scheme, "bearer") {
		return true
	}
	for _, name := range s.sessionCookies {
		for sent := range cookieValues(r, name) {
			text, _ := splitCookie(sent)
			if token, err := session.ParseSecret(text); err == nil && token.TravelsIn(session.InCookie) {
				return true
			}
			if _, err := s.sealedElsewhere(name, sent); err == nil {
				return true
			}
		}
	}
	return false
}
