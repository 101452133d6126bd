package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/session"
)

// Attributes are those of a cookie (RFC 6265, section 4.1.2). Cookies are always HttpOnly.
type Attributes struct {
	Domain   string // "" is the host that set it
	Path     string
	SameSite http.SameSite
	Secure   bool
}

// SessionCookie is the cookie that carries a browser's session token. It is a pointer: whether the session counts, and
// for how long, only the store decides.
type SessionCookie struct {
	Attributes
	Name       string
	Former     []string // names of other times, which are still read
	Persistent bool     // it outlives the browser, until the session expires
}

func (a Attributes) cookie(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Domain: a.Domain, Path: a.Path, SameSite: a.SameSite, Secure: a.Secure, HttpOnly: true}
}

// put sets a cookie in place of whatever this answer has said of it before.
func put(w http.ResponseWriter, c *http.Cookie) { putLines(w, c.Name, c.String()) }

// putLines is put for what is written already.
func putLines(w http.ResponseWriter, cookie string, lines ...string) {
	h := w.Header()
	kept := h["Set-Cookie"][:0]
	for _, line := range h["Set-Cookie"] {
		if name, _, _ := strings.Cut(line, "="); name != cookie {
			kept = append(kept, line)
		}
	}
	h["Set-Cookie"] = append(kept, lines...)
}

// arriving wraps what a link of another site may lead to. Browsers keep SameSite=Strict cookies back then, and it would
// look as if nobody were signed in, and no flow were this browser's; loading the address once more, from here, brings them.
func (s *Server) arriving(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		strict := s.Session.SameSite == http.SameSiteStrictMode || s.CSRF.SameSite == http.SameSiteStrictMode
		if !strict || r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return h(w, r)
		}
		w.Header().Set("Refresh", "0")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		return nil
	}
}

// issue gives a browser the token of its session, for as long as the session may live if it is used. Behind the token
// stands until when the browser keeps the cookie, so that it is sent again when that has changed, and only then.
func (s *Server) issue(w http.ResponseWriter, token session.Secret, to *session.Session) {
	if !s.persistent(to) {
		put(w, s.Session.cookie(s.Session.Name, token.Reveal()))
		return
	}
	c := s.Session.cookie(s.Session.Name, token.Reveal()+"."+strconv.FormatInt(to.DeadlineAt.UnixMicro(), cookieBase))
	// Cookies count whole seconds; losing a part of one would sign somebody out before their time.
	left := to.DeadlineAt.Sub(s.Sessions.Moment()) + time.Second - 1
	c.Expires, c.MaxAge = to.DeadlineAt.Add(time.Second-1), max(int(left/time.Second), 1)
	put(w, c)
}

const cookieBase = 36

// splitCookie separates the token in a cookie from until when the browser keeps that, zero if it does not say. A cookie
// that does not look as it was made is no token.
func splitCookie(value string) (token string, lasts int64) {
	token, until, dated := strings.Cut(value, ".")
	if !dated {
		return token, 0
	}
	lasts, err := strconv.ParseInt(until, cookieBase, 64)
	if err != nil {
		return "", 0
	}
	return token, lasts
}

// persistent reports whether the cookie of a session outlives the browser.
func (s *Server) persistent(x *session.Session) bool {
	if s.Sessions.Rules.Remembered > 0 {
		return x.Remembered
	}
	return s.Session.Persistent
}

// replace gives a browser the session cookie in the place of one of another name, or of another server.
func (s *Server) replace(w http.ResponseWriter, name string, token session.Secret, to *session.Session) {
	if name != s.Session.Name {
		s.remove(w, name)
	}
	s.issue(w, token, to)
}

// renew sends the cookie again when its session lives for longer than the browser believes, also when cookies like it are
// not to outlive the browser any more.
func (s *Server) renew(w http.ResponseWriter, c caller) {
	dated := c.cookie && (c.lasts != 0 || s.persistent(c.session))
	if dated && c.lasts < c.session.DeadlineAt.UnixMicro() {
		s.reissue(w, c)
	}
}

// reissue sends the cookie again that a live session was found by. A token that was replaced must not come back.
func (s *Server) reissue(w http.ResponseWriter, c caller) {
	if c.cookie && c.token.TravelsIn(session.InCookie) && c.session.TokenUntil == nil {
		s.issue(w, c.token, c.session)
	}
}

// sweep removes every session cookie that the server may have set: under this name and the former ones, for the
// configured domain and for the host alone.
func (s *Server) sweep(w http.ResponseWriter) {
	for _, name := range s.sessionCookies {
		s.remove(w, name)
	}
}

// keepCookies takes back what the answer was to do to the session cookies.
func (s *Server) keepCookies(w http.ResponseWriter) {
	for _, name := range s.sessionCookies {
		putLines(w, name)
	}
}

func (s *Server) remove(w http.ResponseWriter, name string) {
	lines, ok := s.removals[name]
	if !ok {
		lines = s.removal(name)
	}
	putLines(w, name, lines...)
}

// removal is what removes a cookie, of the configured domain and of the host alone.
func (s *Server) removal(name string) []string {
	gone := s.Session.cookie(name, "")
	gone.Expires, gone.MaxAge = time.Unix(1, 0), -1
	lines := []string{gone.String()}
	if gone.Domain != "" {
		gone.Domain = ""
		lines = append(lines, gone.String())
	}
	return lines
}
