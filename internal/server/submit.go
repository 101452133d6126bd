package server

import (
	"errors"
	"net/http"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// submit judges what was posted to a flow.
func (s *Server) submit(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := &post{Server: s, w: w, r: r, kind: kind, plain: !sendsJSON(r)}
		err := p.run()
		if err != nil && p.plain {
			return s.showError(w, r, err)
		}
		return err
	}
}

// post is one submission.
type post struct {
	*Server
	w      http.ResponseWriter
	r      *http.Request
	kind   flow.Kind
	flow   *flow.Flow
	caller caller
	secret csrfSecret // of the browser, for flows of browsers
	values map[string]any
	plain  bool // a form without script: it is answered with redirects
}

func (p *post) run() (err error) {
	id, err := flow.ParseID(p.r.URL.Query().Get("flow"))
	if err != nil {
		return flow.ErrNoFlow
	}
	if p.caller, err = p.Server.caller(p.w, p.r); err != nil {
		return err
	}
	p.flow, err = p.Flows.Fetch(p.r.Context(), p.kind, id)
	if p.flow == nil {
		return err
	}
	if p.flow.Type == flow.API {
		p.plain = false
	}
	switch {
	case p.kind == flow.Settings:
		if refused := p.Flows.Owned(p.flow, p.caller.session); refused != nil {
			return p.refuseSettings(refused)
		}
	case p.flow.Type == flow.Browser && p.flow.Occupied(p.caller.session):
		return p.occupied()
	}
	switch {
	case errors.Is(err, flow.ErrExpired):
		return p.expired()
	case err != nil:
		return err
	}
	if p.values, err = p.read(); err != nil {
		return p.answer(nil, err)
	}
	return p.answer(p.judge())
}

// answer is what a judged submission is answered with.
func (p *post) answer(result *flow.Result, err error) error {
	var rejected *flow.Rejected
	switch {
	case errors.As(err, &rejected):
		return p.again(rejected)
	case errors.Is(err, flow.ErrRefresh):
		return p.confirmFirst()
	case p.kind == flow.Settings && errors.Is(err, session.ErrNone):
		return p.refuseSettings(err)
	case err != nil:
		return err
	}
	return p.succeed(result)
}

// expired gives whoever submits a flow that has expired a new one; another browser one that tells nothing of the old.
func (p *post) expired() error {
	csrf, others := "", false
	if p.flow.Type == flow.Browser {
		if !p.fromOwnForm(p.r) {
			return foreign(p.r)
		}
		_, err := p.bound(p.r, p.flow.CSRF)
		if p.kind == flow.Settings {
			err = nil // its owner asks
		}
		csrf, others = p.ensureCSRF(p.w, p.r).hash(), err != nil
	}
	if _, err := p.begun.begin(clientKeys(p.clientIP(p.r))...); err != nil {
		return err
	}
	next, err := p.Flows.Replace(p.r.Context(), p.flow, csrf, others, p.caller.session)
	if errors.Is(err, flow.ErrExpired) && p.plain {
		redirect(p.w, p.r, p.page(next))
		return nil
	}
	return err
}

// occupied answers somebody who is signed in already: in another tab, most likely. Nothing is changed.
func (p *post) occupied() error {
	switch {
	case p.plain:
		redirectAs(p.w, p.r, p.failed(), p.Flows.Rules[p.kind].After)
		return nil
	case p.kind == flow.Registration:
		return flow.ErrSignedIn
	}
	if err := p.belongs(); err != nil {
		p.withhold()
	}
	p.flow.Messages = []flow.Message{flow.FailedGeneric(flow.ErrSignedIn.Reason)}
	return p.show(http.StatusBadRequest, p.flow)
}

// withhold leaves of a flow what is no secret: it may be somebody else's. Clients need one in the answer.
func (p *post) withhold() {
	f := p.flow
	p.flow = &flow.Flow{ID: f.ID, Kind: f.Kind, Type: f.Type, State: f.State, RequestedAAL: f.RequestedAAL, IssuedAt: f.IssuedAt,
		ExpiresAt: f.ExpiresAt, UpdatedAt: f.UpdatedAt, RequestURL: p.Places.Begin[f.Kind].String()}
	p.secret = p.ensureCSRF(p.w, p.r)
}

// failed is the status of the redirect to a form that has to be filled in again. Clients have come to know two.
func (p *post) failed() int {
	if p.kind == flow.Registration {
		return http.StatusFound
	}
	return http.StatusSeeOther
}

func (p *post) again(rejected *flow.Rejected) error {
	note(p.w, "fault", "flow_rejected")
	switch {
	case rejected.Moved && !p.plain && p.kind == flow.Settings:
		return p.show(http.StatusOK, rejected.Flow)
	case p.plain && rejected.Moved:
		redirect(p.w, p.r, p.page(rejected.Flow))
	case p.plain:
		redirectAs(p.w, p.r, p.failed(), p.page(rejected.Flow))
	default:
		return p.show(http.StatusBadRequest, rejected.Flow)
	}
	return nil
}

func (p *post) show(status int, f *flow.Flow) error {
	csrf := ""
	if f.Type == flow.Browser {
		csrf = p.secret.mask()
	}
	return p.showFlow(p.w, p.r, status, f, p.caller.session, csrf)
}

// read reads the submission. What is wrong with the request itself is told on the form, once it is clear that it comes from
// where the flow was begun.
func (p *post) read() (map[string]any, error) {
	if err := p.belongs(); err != nil {
		return nil, err
	}
	values, err := readSubmission(p.w, p.r)
	if seen := fault.From(err); err != nil && seen.Kind == fault.Invalid {
		return nil, p.reject(seen.Reason)
	}
	if err != nil {
		return nil, err
	}
	if p.flow.Type == flow.Browser {
		err = checkCSRF(p.r, p.secret, text(values, flow.CSRFField, ""))
	}
	if p.flow.Type == flow.Browser && p.kind == flow.Settings {
		p.secret, err = p.heldSecret(text(values, flow.CSRFField, ""))
	}
	if err == nil && !mayPass(values["transient_payload"]) {
		err = p.reject("The transient_payload has to be a JSON object.")
	}
	return values, err
}

// mayPass reports whether a value is what clients may hand through a flow: an object, or nothing.
func mayPass(payload any) bool {
	_, object := payload.(map[string]any)
	return object || payload == nil
}

// judge hands the submission to the engine.
func (p *post) judge() (*flow.Result, error) {
	in := flow.Input{Values: p.values, Form: mediaType(p.r) != "application/json", Current: p.caller.session, Device: p.device(p.r), Carrier: p.caller.carrier(), Token: p.caller.token}
	in.Known = p.knows(p.r)
	return p.attempt(in)
}

func (p *post) reject(reason string) error {
	return p.Flows.Reject(p.r.Context(), p.flow, flow.Again{Messages: []flow.Message{flow.FailedGeneric(reason)}})
}

// belongs makes sure that a browser's flow is submitted by that browser, and a native client's by none.
func (p *post) belongs() (err error) {
	if p.flow.Type == flow.API {
		if err := native(p.r); err != nil {
			return p.reject(err.Reason)
		}
		return nil
	}
	if p.kind == flow.Settings {
		p.secret = p.ensureCSRF(p.w, p.r)
	} else {
		p.secret, err = p.bound(p.r, p.flow.CSRF)
	}
	if err == nil && !p.fromOwnForm(p.r) {
		err = foreign(p.r)
	}
	return err
}

// attempt hands a submission to the engine, within the bound on failed ones; of registrations those that succeed count too.
func (p *post) attempt(in flow.Input) (*flow.Result, error) {
	giveBack, err := p.attempts.begin(attemptKeys(p.flow, in)...)
	if err != nil {
		return nil, err
	}
	result, err := p.Flows.Submit(p.r.Context(), p.flow, in)
	p.turns.Wait(p.r.Context()) // as many are told at once that they have to wait, or are in
	var rejected *flow.Rejected
	failed := errors.As(err, &rejected) && !rejected.Moved
	if !failed && (err != nil || p.kind != flow.Registration) {
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
func (p *post) succeed(result *flow.Result) error {
	note(p.w, "identity_id", result.Identity.ID.String())
	if result.Started {
		note(p.w, "session_started", result.Session.ID.String())
	}
	fresh := p.handOver(result)
	switch {
	case p.kind == flow.Settings:
		return p.succeedInSettings(result, fresh)
	case p.flow.Type == flow.Browser:
		return p.succeedInBrowser(result, fresh)
	}
	next, err := p.settleExchange(result)
	if err != nil {
		return err
	}
	now := p.Sessions.Moment()
	if p.kind == flow.Registration {
		answer := p.View.FromSignUp(result.Identity, result.Session, fresh, now)
		answer.ContinueWith = append(answer.ContinueWith, next...)
		return reply(p.w, http.StatusOK, answer)
	}
	answer := p.View.FromSignIn(result.Session, fresh, now, !p.Sessions.Satisfied(result.Session))
	answer.ContinueWith = next
	return reply(p.w, http.StatusOK, answer)
}

// handOver gives a new token to its carrier: into the cookie, or, as what it returns, into the answer.
func (p *post) handOver(result *flow.Result) (fresh string) {
	inCookie := p.caller.cookie
	if result.Started {
		inCookie = p.flow.Type == flow.Browser
	}
	switch {
	case result.Token == (session.Secret{}):
		return ""
	case inCookie:
		p.issue(p.w, result.Token, result.Session)
		return ""
	}
	return result.Token.Reveal()
}

// succeedInBrowser sends a browser on. Forms that were shown to somebody who was not signed in are worth nothing from now on.
func (p *post) succeedInBrowser(result *flow.Result, fresh string) error {
	if result.Started || result.Session == nil {
		p.rotateCSRF(p.w)
	}
	if result.Session != nil && !p.Sessions.Satisfied(result.Session) {
		return p.stepUpFirst()
	}
	p.getToKnow(result)
	to := p.Flows.Destination(p.flow, result.Method)
	if p.plain {
		redirect(p.w, p.r, to)
		return nil
	}
	now := p.Sessions.Moment()
	if p.kind == flow.Registration {
		return reply(p.w, http.StatusOK, p.View.FromBrowserSignUp(result.Identity, result.Session, to, now))
	}
	return reply(p.w, http.StatusOK, p.View.FromBrowserSignIn(result.Session, fresh, to, now))
}

var errElsewhere = &fault.Error{Kind: fault.Unprocessable, ID: "browser_location_change_required",
	Reason:  "To complete this flow, send the browser to the address in redirect_browser_to.",
	Message: "browser location change required"}

// stepUpFirst sends a browser on to its second factor.
func (p *post) stepUpFirst() error {
	to := p.Places.SecondFactor.With("return_to", p.flow.ReturnTo.String())
	if p.flow.ReturnTo.IsZero() {
		to = p.Places.SecondFactor
	}
	if p.plain {
		redirect(p.w, p.r, to)
		return nil
	}
	return errElsewhere.With("redirect_browser_to", to.String())
}
