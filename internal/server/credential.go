package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// caller is who makes a request: the one session that its credential stands for. Whatever is checked or ended afterwards
// is this session and no other.
type caller struct {
	session *session.Session // nil for nobody
	token   session.Secret
	at      time.Time // when the request came in, which its session is judged by
	cookie  bool      // the credential is a cookie
	lasts   int64     // Unix time in microseconds until which the browser keeps that cookie; zero if it does not say

	// ended is why the session ended that a credential of the request once stood for, or "".
	ended string
}

// carrier is how the caller's token travels.
func (c caller) carrier() session.Carrier {
	if c.cookie {
		return session.InCookie
	}
	return session.InHeader
}

// why is what there is to tell about the end of the caller's session: nothing to somebody who has signed out.
func (c caller) why() []flow.Message { return flow.SessionEnded(session.Reason(c.ended)) }

// finder looks a token up, counted or not, for a request that came in at a moment.
type finder func(*session.Manager, context.Context, session.Secret, time.Time) (*session.Session, error)

// identify resolves the credential of a request, once: the header X-Session-Token if it is there, whatever it holds;
// else the session cookie; else a bearer token (RFC 6750, section 2.1). It is ErrNone when that stands for no session
// that counts. Cookies that stand for none are removed by the answer.
func (s *Server) identify(w http.ResponseWriter, r *http.Request, find finder) (caller, error) {
	if v := r.Header["X-Session-Token"]; len(v) > 0 && v[0] != "" {
		return s.byHeader(r, v[0], find)
	}
	if len(r.Header["Cookie"]) > 0 {
		c, found, err := s.byCookie(w, r, find)
		if found || err != nil {
			return c, err
		}
	}
	return s.byHeader(r, bearer(r), find)
}

// bearer is the token of the header Authorization; "" for none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || strings.HasPrefix(token, " ") {
		return ""
	}
	return token
}

func (s *Server) byHeader(r *http.Request, text string, find finder) (caller, error) {
	token, err := session.ParseSecret(text)
	if err != nil || !token.TravelsIn(session.InHeader) {
		return caller{}, session.ErrNone
	}
	at := s.Sessions.Moment()
	found, err := find(s.Sessions, r.Context(), token, at)
	return caller{session: found, token: token, at: at, ended: endReason(err)}, err
}

// maxTried bounds how many cookies of one request are looked up.
const maxTried = 32

// errManyCookies is answered instead of a guess: the live cookie may be among those that were not looked up.
var errManyCookies = fault.New(fault.Invalid, "session_cookies_too_many", "The request carries more session cookies than can be looked up. Remove the cookies of this site in your browser, and sign in again.")

// byCookie takes the first session cookie that stands for a session that counts: a dead or foreign one beside it, from
// another path or another time, must not sign anybody out. It reports whether any of them can be a token at all.
// Cookies are removed only when all of them were looked up: one that was not may be the live one. They stay when one of
// them was replaced: the request was under way for long, and the browser has the new one by now.
func (s *Server) byCookie(w http.ResponseWriter, r *http.Request, find finder) (c caller, found bool, err error) {
	seen, tried, left, replaced, ended := false, 0, false, false, ""
	at := s.Sessions.Moment()
	lookUp := func(token session.Secret) (*session.Session, error) { return find(s.Sessions, r.Context(), token, at) }
	var odd error // why the first of those that are no tokens is none
	for _, name := range s.sessionCookies {
		for sent := range cookieValues(r, name) {
			seen = true
			text, lasts := splitCookie(sent)
			token, err := session.ParseSecret(text)
			own := err == nil && token.TravelsIn(session.InCookie)
			if !own {
				token, err = s.sealedElsewhere(name, sent)
			}
			if err != nil {
				odd = cmp.Or(odd, err)
				continue
			}
			if tried == maxTried {
				left = true
				continue
			}
			tried++
			var live *session.Session
			if own {
				live, err = lookUp(token)
			} else {
				live, token, err = s.Sessions.Inherited(r.Context(), token, active(r), lookUp)
			}
			if errors.Is(err, session.ErrNone) {
				ended = cmp.Or(ended, endReason(err))
				replaced = replaced || errors.Is(err, session.ErrReplaced)
				continue
			}
			if err == nil && active(r) && (name != s.Session.Name || !own) && live.TokenUntil == nil && token.TravelsIn(session.InCookie) {
				s.replace(w, name, token, live)
			}
			return caller{session: live, token: token, at: at, cookie: true, lasts: lasts}, true, err
		}
	}
	if odd != nil && s.Elsewhere != nil {
		note(w, "foreign_cookie", odd.Error())
	}
	switch {
	case left:
		err = errManyCookies
	case ended != "":
		err = session.ErrNone.WithDetail(session.EndReason, ended)
	case tried > 0:
		err = session.ErrNone
	}
	if seen && !left && !replaced {
		s.sweep(w)
	}
	return caller{cookie: true, ended: ended}, tried > 0, err
}

// endReason is why a session ended that does not count any more, where that is known.
func endReason(err error) string {
	if err == nil {
		return ""
	}
	reason, _ := fault.From(err).Details[session.EndReason].(string)
	return reason
}

// caller is identify for endpoints that nobody has to be signed in for: the session is nil then. A session that has yet
// to be stepped up counts. A store that cannot be reached is an error, never "no session".
func (s *Server) caller(w http.ResponseWriter, r *http.Request) (caller, error) {
	c, err := s.signedIn(w, r)
	if errors.Is(err, session.ErrNone) {
		return caller{ended: c.ended}, nil
	}
	return c, err
}

// signedIn is caller for endpoints that need a session: ErrNone without.
func (s *Server) signedIn(w http.ResponseWriter, r *http.Request) (caller, error) {
	return s.identify(w, r, (*session.Manager).Lookup)
}

// sealedElsewhere is the token in a session cookie of the server whose place this one has taken. Whoever asks with a cookie
// of our own pays nothing for it.
func (s *Server) sealedElsewhere(name, value string) (session.Secret, error) {
	if s.Elsewhere == nil {
		return session.Secret{}, session.ErrBadToken
	}
	return s.Elsewhere.Open(name, value)
}
