package server

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// begin makes a flow for a native client.
func (s *Server) begin(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		current, err := s.current(r.Context(), r)
		if err != nil {
			return err
		}
		q := r.URL.Query()
		if holdsToken(q.Get("return_to")) {
			return errTokenInURL
		}
		refresh, _ := strconv.ParseBool(q.Get("refresh")) // anything else means no, as it always has
		f, err := s.Flows.Begin(r.Context(), flow.Start{
			Kind: kind, Type: flow.API, RequestURL: s.requestURL(r), ReturnTo: q.Get("return_to"), Refresh: refresh,
			AAL: q.Get("aal"), Schema: q.Get("identity_schema"), Organization: organization(q.Get("organization")), Current: current,
		})
		if err != nil {
			return err
		}
		return s.showFlow(w, r, http.StatusOK, f, current)
	}
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

// token is recognised by how it begins.
var token = regexp.MustCompile(`ory_(st|lo)_[A-Za-z0-9]`)

// holdsToken looks for a token in a text, and in what it may be encoded from.
func holdsToken(text string) bool {
	for range 4 {
		if token.MatchString(text) {
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

// fetch shows a flow again.
func (s *Server) fetch(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := flow.ParseID(r.URL.Query().Get("id"))
		if err != nil {
			return err
		}
		f, err := s.Flows.Fetch(r.Context(), kind, id)
		if errors.Is(err, flow.ErrExpired) {
			return fault.From(err).WithDetail("api", s.View.Base+"self-service/"+string(kind)+"/api")
		}
		if err != nil {
			return err
		}
		current, err := s.current(r.Context(), r)
		if err != nil {
			return err
		}
		return s.showFlow(w, r, http.StatusOK, f, current)
	}
}

func (s *Server) showFlow(w http.ResponseWriter, r *http.Request, status int, f *flow.Flow, current *session.Session) error {
	form, err := s.Flows.Form(r.Context(), f, current)
	if err != nil {
		return err
	}
	return reply(w, status, s.View.FromFlow(f, form))
}

// submit judges what a native client has posted.
func (s *Server) submit(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		raw := r.URL.Query().Get("flow")
		if !validID(raw) {
			return flow.ErrNoFlow
		}
		id, err := flow.ParseID(raw)
		if err != nil {
			return err
		}
		current, err := s.current(r.Context(), r)
		if err != nil {
			return err
		}
		f, err := s.Flows.Open(r.Context(), kind, id)
		if err != nil {
			return err
		}
		result, err := s.judge(w, r, f, current)
		var rejected *flow.Rejected
		if errors.As(err, &rejected) {
			note(w, "fault", "flow_rejected")
			return s.showFlow(w, r, http.StatusBadRequest, rejected.Flow, current)
		}
		if err != nil {
			return err
		}
		return s.succeed(w, r, kind, result)
	}
}

func validID(text string) bool {
	_, err := flow.ParseID(text)
	return err == nil
}

// judge reads the submission and hands it to the engine. What is wrong with the request itself is told on the form too.
func (s *Server) judge(w http.ResponseWriter, r *http.Request, f *flow.Flow, current *session.Session) (*flow.Result, error) {
	if err := native(r); err != nil {
		return nil, s.Flows.Reject(r.Context(), f, flow.Again{Messages: []flow.Message{flow.FailedGeneric(err.Reason)}})
	}
	values, err := readSubmission(w, r)
	if seen := fault.From(err); err != nil && seen.Kind == fault.Invalid {
		return nil, s.Flows.Reject(r.Context(), f, flow.Again{Messages: []flow.Message{flow.FailedGeneric(seen.Reason)}})
	}
	if err != nil {
		return nil, err
	}
	in := flow.Input{Values: values, Current: current, Device: s.device(r)}
	if f.Kind != flow.Login {
		return s.Flows.Submit(r.Context(), f, in)
	}
	giveBack, err := s.attempts.begin(attemptKeys(in)...)
	if err != nil {
		return nil, err
	}
	result, err := s.Flows.Submit(r.Context(), f, in)
	var rejected *flow.Rejected
	if !errors.As(err, &rejected) {
		giveBack()
	}
	return result, err
}

var errBrowser = fault.New(fault.Invalid, "api_flow_from_browser", "This is a flow for native clients, but the request carries an Origin header or a cookie, as a browser sends them. Use the browser flow there.")

// native refuses the traces of a browser: a flow without protection against cross-site requests must not serve one.
// Cookies that a content delivery network adds by itself do not count.
func native(r *http.Request) *fault.Error {
	if r.Header.Get("Origin") != "" {
		return errBrowser
	}
	for _, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, "__cf") && !strings.HasPrefix(c.Name, "_cf") && !strings.HasPrefix(c.Name, "cf_") {
			return errBrowser
		}
	}
	return nil
}

// succeed answers a flow that has done what it is for.
func (s *Server) succeed(w http.ResponseWriter, r *http.Request, kind flow.Kind, result *flow.Result) error {
	note(w, "identity_id", result.Identity.ID.String())
	fresh := ""
	if result.Started {
		fresh = result.Token.Reveal()
		note(w, "session_started", result.Session.ID.String())
	}
	now := s.Sessions.Moment()
	if kind == flow.Registration {
		return reply(w, http.StatusOK, s.View.FromSignUp(result.Identity, result.Session, fresh, now))
	}
	return reply(w, http.StatusOK, s.View.FromSignIn(result.Session, fresh, now, !s.Sessions.Satisfied(result.Session)))
}
