package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/wire"
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
	if !token.TravelsIn(session.InHeader) {
		return session.ErrUnknownToken
	}
	if err := s.Sessions.Logout(r.Context(), token); err != nil {
		return err
	}
	note(w, "ended", "logout")
	return done(w)
}

// beginLogout answers with the address that signs the caller out. It changes nothing.
func (s *Server) beginLogout(w http.ResponseWriter, r *http.Request) error {
	c, err := s.signedIn(w, r)
	if err != nil {
		return err
	}
	to, err := s.Flows.Returns.Allow(last(r.URL.Query()["return_to"]))
	if err != nil {
		return err
	}
	s.ensureCSRF(w, r)
	token := s.logoutToken(c.session.ID, to)
	return reply(w, http.StatusOK, wire.LogoutFlow{URL: s.logoutURL(token, to), Token: token})
}

func (s *Server) logoutURL(token string, to flow.Return) string {
	address := s.View.Base + "self-service/logout?"
	if !to.IsZero() {
		address += "return_to=" + url.QueryEscape(to.String()) + "&"
	}
	return address + "token=" + token // which is made of letters that need no escaping
}

func last(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

var (
	errNoLogoutToken = fault.New(fault.Invalid, "logout_token_missing", "Please include a token in the URL query: the logout_token that beginning the logout has answered.")
	errLogoutToken   = fault.New(fault.Forbidden, "logout_token_mismatch", "Unable to log out because the logout token does not belong to the session of this request.")
)

// logout ends the session that the logout token names, if the caller's credential is that session's own. Whoever is
// signed out of it already is told so with success; nothing else is ended, whatever else the request carries.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	in, err := readLogout(w, r)
	if errors.Is(err, errNoLogoutToken) && !isAJAX(r) && !s.Places.Logout.IsZero() {
		return s.askFirst(w, r, in.returnTo)
	}
	if err != nil {
		return err
	}
	c, err := s.caller(w, r)
	if err != nil {
		return err
	}
	named, sealed, genuine := s.openLogoutToken(in.token)
	if !genuine {
		return notGenuine(c)
	}
	to, err := s.afterLogout(in.returnTo, sealed)
	if err != nil {
		return err
	}
	c, fate, err := s.endNamed(w, r, c, named)
	own := c.session != nil && c.session.ID == named // else an old link, which anybody may have made, takes nothing from this browser
	switch {
	case err != nil:
		s.keepCookies(w) // they are asked for again
		return err
	case fate == session.NotYours, fate == session.RunOut && isAJAX(r) && !own:
		return notGenuine(c)
	case own:
		note(w, "session_ended", named.String())
		s.clear(w, r, c)
	}
	if isAJAX(r) {
		if fate == session.RunOut {
			return session.ErrNone
		}
		return done(w)
	}
	redirect(w, r, to)
	return nil
}

// endNamed ends the session that is named, if it is the caller's. Theirs may have run out when it was looked up, and live when
// its fate is asked for, as somebody has extended it in between; then it is looked up anew.
func (s *Server) endNamed(w http.ResponseWriter, r *http.Request, c caller, named session.ID) (caller, session.Fate, error) {
	fate, err := s.Sessions.LogoutNamed(r.Context(), named, c.session, c.token)
	if err != nil || fate != session.NotYours || c.session != nil {
		return c, fate, err
	}
	if c, err = s.caller(w, r); err != nil || c.session == nil {
		return c, fate, err
	}
	fate, err = s.Sessions.LogoutNamed(r.Context(), named, c.session, c.token)
	return c, fate, err
}

// clear removes what the browser keeps of an ended session.
func (s *Server) clear(w http.ResponseWriter, r *http.Request, c caller) {
	if c.cookie {
		s.sweep(w)
	}
	s.rotateCSRF(w)
	if s.ClearBrowserData && s.secure(r) {
		w.Header().Set("Clear-Site-Data", clearData)
	}
}

// askFirst leads whoever opens the address without a token to a page with a button.
func (s *Server) askFirst(w http.ResponseWriter, r *http.Request, returnTo string) error {
	to, err := s.Flows.Returns.Allow(returnTo)
	if err != nil {
		return err
	}
	page := s.Places.Logout
	if !to.IsZero() {
		page = page.With("return_to", to.String())
	}
	redirect(w, r, page)
	return nil
}

// notGenuine refuses a token that cannot sign this caller out.
func notGenuine(c caller) error {
	if c.session == nil {
		return session.ErrNone
	}
	return errLogoutToken
}

// logoutRequest is what a request to sign out says.
type logoutRequest struct{ token, returnTo string }

// readLogout reads the query, and the form or JSON of a POST over it. Of several addresses to return to, the last counts:
// one that a client appends overrides the one that was there.
func readLogout(w http.ResponseWriter, r *http.Request) (in logoutRequest, err error) {
	q := r.URL.Query()
	in = logoutRequest{token: q.Get("token"), returnTo: last(q["return_to"])}
	if r.Method == http.MethodPost && (r.ContentLength != 0 || r.Header.Get("Content-Type") != "") {
		values, err := readSubmission(w, r)
		if err != nil {
			return in, err
		}
		in = logoutRequest{token: text(values, "token", in.token), returnTo: text(values, "return_to", in.returnTo)}
	}
	if in.token == "" {
		return in, errNoLogoutToken
	}
	return in, nil
}

func text(values map[string]any, name, otherwise string) string {
	if v, ok := values[name].(string); ok && v != "" {
		return v
	}
	return otherwise
}

// afterLogout is where a browser goes then: where the request says, else where it said when the logout began, if that is
// still allowed, else where everybody goes.
func (s *Server) afterLogout(asked, sealed string) (flow.Return, error) {
	if asked == sealed {
		asked = "" // the address that the logout began with says it too
	}
	to, err := s.Flows.Returns.Allow(asked)
	if err != nil {
		return to, err
	}
	if to.IsZero() {
		to, _ = s.Flows.Returns.Allow(sealed) // no longer allowed is as good as none
	}
	if to.IsZero() {
		to = s.Places.AfterLogout
	}
	return to, nil
}

// clearData makes browsers drop what they keep of our origin (W3C Clear Site Data). They obey over https alone.
const clearData = `"cookies", "storage", "cache"`

// secure reports whether the browser has sent the request over https, as far as can be known.
func (s *Server) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.View.Base, "https:") ||
		s.trusted(peerAddress(r.RemoteAddr)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
