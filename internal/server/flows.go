package server

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// begin makes a flow for a native client.
func (s *Server) begin(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.caller(w, r)
		if err != nil {
			return err
		}
		f, err := s.start(r, flow.Start{Kind: kind, Type: flow.API, Current: c.session})
		if err != nil {
			return s.orStepUp(err, c.session)
		}
		code, err := s.offerExchange(r, f)
		if err != nil {
			return err
		}
		return s.showNewFlow(w, r, f, c.session, code)
	}
}

// beginInBrowser makes a flow that belongs to the browser that asks for it, and leads it to the page with the form; a
// script gets the flow itself. A browser that is signed in already is led to where it wanted to go.
func (s *Server) beginInBrowser(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.caller(w, r)
		if err != nil {
			return err
		}
		secret := s.ensureCSRF(w, r)
		f, err := s.start(r, flow.Start{Kind: kind, Type: flow.Browser, CSRF: secret.hash(), Current: c.session, Ended: session.Reason(c.ended)})
		switch {
		case kind == flow.Settings && err != nil && !wantsJSON(r):
			return s.beforeSettings(w, r, c, err)
		case errors.Is(err, flow.ErrSignedIn) && !wantsJSON(r):
			redirect(w, r, s.Flows.Destination(f, ""))
			return nil
		case err != nil:
			return s.orStepUp(err, c.session)
		case wantsJSON(r):
			return s.showFlow(w, r, http.StatusOK, f, c.session, secret.mask())
		}
		redirect(w, r, s.page(f))
		return nil
	}
}

// lookEvery is how long flows may go on being begun and submitted without a look at what else has arrived: so short that
// nobody's check of a session notices, and so long that those who sign in at the same moment share a commit.
const lookEvery = time.Millisecond

// inTurn wraps what takes a while and is asked for by people who wait for it anyway: checks of sessions come first.
func (s *Server) inTurn(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		s.turns.Wait(r.Context())
		return h(w, r)
	}
}

// page is where the form of a flow is shown.
func (s *Server) page(f *flow.Flow) flow.Return {
	return s.Places.Flows[f.Kind].With("flow", f.ID.String())
}

// start begins a flow with what the query asks for.
func (s *Server) start(r *http.Request, start flow.Start) (*flow.Flow, error) {
	q := r.URL.Query()
	if holdsToken(q.Get("return_to")) {
		return nil, errTokenInURL
	}
	giveBack, err := s.begun.begin(clientKeys(s.clientIP(r))...)
	if err != nil {
		return nil, err
	}
	start.Refresh, _ = strconv.ParseBool(q.Get("refresh")) // anything else means no, as it always has
	start.RequestURL, start.ReturnTo, start.AAL = s.requestURL(r), q.Get("return_to"), q.Get("aal")
	start.Exchange = start.Type == flow.API && start.Current == nil && q.Get("return_session_token_exchange_code") == "true"
	start.Schema, start.Organization = q.Get("identity_schema"), organization(q.Get("organization"))
	f, err := s.Flows.Begin(r.Context(), start)
	if err != nil {
		giveBack() // nothing was stored
	}
	s.turns.Wait(r.Context()) // many are stored by the same commit
	return f, err
}

// requestURL is the address the client asked for, on the configured base address, not too long. A query that holds a
// token is left out, as the address is stored.
func (s *Server) requestURL(r *http.Request) string {
	address := strings.TrimSuffix(s.View.Base, "/") + r.URL.EscapedPath()
	if r.URL.RawQuery != "" && !holdsToken(r.URL.RawQuery) {
		address += "?" + r.URL.RawQuery
	}
	return shortURL(address)
}

// errTokenInURL keeps a token out of an address that is stored and that others would see.
var errTokenInURL = fault.New(fault.Invalid, "token_in_url", "The return_to address contains a token. Tokens do not belong into addresses.")

// anyToken is recognised by how it begins.
var anyToken = regexp.MustCompile(`ory_(st|sc|lo)_[A-Za-z0-9_-]`)

// holdsToken looks for a token in a text, and in what it may be encoded from.
func holdsToken(text string) bool {
	for range 4 {
		if anyToken.MatchString(text) {
			return true
		}
		next, err := url.QueryUnescape(text)
		if err != nil || next == text {
			return false
		}
		text = next
	}
	return true // encoded over and over: nobody needs that
}

func shortURL(u string) string {
	const limit = 2048
	if len(u) > limit {
		return u[:limit]
	}
	return u
}

func organization(text string) string {
	if id, err := session.ParseID(text); err == nil {
		return id.String()
	}
	return ""
}

// fetch shows a flow again; one of a browser to that browser alone.
func (s *Server) fetch(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := flow.ParseID(r.URL.Query().Get("id"))
		if err != nil {
			return err
		}
		c, err := s.caller(w, r)
		if err != nil {
			return err
		}
		f, csrf, err := s.open(w, r, kind, id, c)
		switch {
		case err == nil:
			return s.showFlow(w, r, http.StatusOK, f, c.session, csrf)
		case f != nil && kind == flow.Settings && f.Type == flow.Browser && !sendsJSON(r):
			return s.leadToSettings(w, r, c, err)
		}
		return s.orStepUp(err, c.session)
	}
}

// open returns a flow that this client may see, with the value of its anti-forgery node: one of a browser is for that
// browser, settings are for their owner. Settings that somebody may not see come with the error: not to be shown.
func (s *Server) open(w http.ResponseWriter, r *http.Request, kind flow.Kind, id flow.ID, c caller) (f *flow.Flow, csrf string, err error) {
	f, err = s.Flows.Fetch(r.Context(), kind, id)
	switch {
	case f == nil:
		return nil, "", err
	case kind == flow.Settings:
		if refused := s.Flows.Owned(f, c.session); refused != nil {
			return f, "", refused
		}
		if f.Type == flow.Browser {
			csrf = s.ensureCSRF(w, r).mask()
		}
	case f.Type == flow.Browser:
		secret, foreign := s.bound(r, f.CSRF)
		if foreign != nil {
			return nil, "", foreign
		}
		csrf = secret.mask()
	}
	if errors.Is(err, flow.ErrExpired) {
		return nil, "", s.expired(f, err)
	}
	return f, csrf, err
}

// expired says where a flow can be begun anew.
func (s *Server) expired(f *flow.Flow, err error) error {
	anew := s.View.Base + "self-service/" + string(f.Kind)
	if f.Type == flow.API {
		return fault.From(err).WithDetail("api", anew+"/api")
	}
	to := f.ReturnTo.String()
	anew += "/browser"
	if to != "" {
		anew += "?" + url.Values{"return_to": {to}}.Encode()
	}
	return fault.From(err).WithDetail("redirect_to", anew).WithDetail("return_to", to)
}

func (s *Server) showFlow(w http.ResponseWriter, r *http.Request, status int, f *flow.Flow, current *session.Session, csrf string) error {
	form, err := s.Flows.Form(r.Context(), f, current, csrf)
	if err != nil {
		return err
	}
	if f.Kind == flow.Settings {
		return reply(w, status, s.View.FromSettings(f, form, current.Identity, nil))
	}
	return reply(w, status, s.View.FromFlow(f, form, ""))
}

// showNewFlow shows a native flow for the first time, with the code that its client may want to have.
func (s *Server) showNewFlow(w http.ResponseWriter, r *http.Request, f *flow.Flow, current *session.Session, code string) error {
	if code == "" {
		return s.showFlow(w, r, http.StatusOK, f, current, "")
	}
	form, err := s.Flows.Form(r.Context(), f, current, "")
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.View.FromFlow(f, form, code))
}
