package server

import (
	"errors"
	"net/http"

	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

// beforeSettings leads a browser to what has to happen before it may see settings: signing in, or the second factor. It
// comes back then.
func (s *Server) beforeSettings(w http.ResponseWriter, r *http.Request, c caller, err error) error {
	to, back := flow.Return{}, last(r.URL.Query()["return_to"])
	switch {
	case errors.Is(err, session.ErrNone) && len(c.why()) > 0:
		return s.sayWhy(w, r, c)
	case errors.Is(err, session.ErrNone):
		to = s.Places.Begin[flow.Login]
	case errors.Is(err, session.ErrAALTooLow):
		to = s.Places.SecondFactor
		if back != "" {
			back = s.Places.Begin[flow.Settings].With("return_to", back).String()
		}
	default:
		return s.orStepUp(err, c.session)
	}
	if back != "" {
		to = to.With("return_to", back)
	}
	redirect(w, r, to)
	return nil
}

// refuseSettings answers a submission of somebody who may not change these settings, or not yet.
func (p *post) refuseSettings(err error) error {
	if !p.plain {
		return p.orStepUp(err, p.caller.session)
	}
	return p.leadToSettings(p.w, p.r, p.caller, err)
}

// leadToSettings leads a browser to what is missing before these settings are for it, if there is such a thing.
func (s *Server) leadToSettings(w http.ResponseWriter, r *http.Request, c caller, err error) error {
	switch {
	case errors.Is(err, session.ErrNone) && len(c.why()) > 0:
		return s.sayWhy(w, r, c)
	case errors.Is(err, session.ErrNone):
		redirectAs(w, r, http.StatusFound, s.Places.Flows[flow.Login])
		return nil
	case errors.Is(err, session.ErrAALTooLow):
		redirect(w, r, s.Places.SecondFactor)
		return nil
	}
	return err
}

// heldSecret is the anti-forgery secret of the browser that a token was made from, whenever that was: settings belong to a
// person, and not to the browser that began them.
func (p *post) heldSecret(token string) (csrfSecret, error) {
	for _, secret := range p.csrfSecrets(p.r) {
		if secret.matches(token) {
			return secret, nil
		}
	}
	return p.secret, checkCSRF(p.r, p.secret, token)
}

// confirmFirst has somebody authenticate again who did so too long ago. A browser with a plain form takes what was posted
// along, closed, and comes back with it.
func (p *post) confirmFirst() error {
	resume := p.Places.Settings.With("flow", p.flow.ID.String())
	to := p.Places.Begin[flow.Login].With("refresh", "true").With("return_to", resume.String())
	if !p.plain {
		return flow.ErrRefresh.With("redirect_browser_to", to.String())
	}
	p.park()
	redirect(p.w, p.r, to)
	return nil
}

// succeedInSettings shows the form again, with what has changed.
func (p *post) succeedInSettings(result *flow.Result, fresh string) error {
	switch {
	case result.Token == (session.Secret{}) && result.Replaced:
		p.keepCookies(p.w) // the browser has it from another answer
	case result.Token == (session.Secret{}):
		p.caller.session = result.Session // the change was stored with a look at it: it lives, until when others have extended it
		p.reissue(p.w, p.caller)
	case p.caller.cookie: // a way to sign in has changed
		p.getToKnow(result)
	}
	if result.Ended > 0 {
		note(p.w, "sessions_ended", result.Ended)
	}
	to := p.Flows.Destination(result.Flow, result.Method)
	if to.IsZero() {
		to = p.page(result.Flow)
	}
	if p.plain {
		redirect(p.w, p.r, to)
		return nil
	}
	csrf := ""
	if p.flow.Type == flow.Browser {
		csrf = p.secret.mask()
	}
	form, err := p.Flows.Form(p.r.Context(), result.Flow, result.Session, csrf)
	if err != nil {
		return err
	}
	var next []wire.Continue
	if fresh != "" {
		next = append(next, wire.Continue{Action: "set_ory_session_token", SessionToken: fresh})
	}
	if p.flow.Type == flow.Browser {
		next = append(next, wire.Continue{Action: "redirect_browser_to", RedirectTo: to.String()})
	}
	return reply(p.w, http.StatusOK, p.View.FromSettings(result.Flow, form, result.Identity, next))
}

// resumeSettings applies what a browser took along while its holder authenticated again.
func (s *Server) resumeSettings(w http.ResponseWriter, r *http.Request) error {
	p := &post{Server: s, w: w, r: r, kind: flow.Settings, plain: true}
	id, err := flow.ParseID(r.URL.Query().Get("flow"))
	if err != nil {
		return flow.ErrNoFlow
	}
	if p.caller, err = s.caller(w, r); err != nil {
		return err
	}
	p.flow, err = s.Flows.Fetch(r.Context(), flow.Settings, id)
	if p.flow == nil {
		return err
	}
	if refused := s.Flows.Owned(p.flow, p.caller.session); refused != nil {
		return p.refuseSettings(refused)
	}
	values, ok := p.unpark()
	if err != nil || !ok || p.flow.Type != flow.Browser {
		redirect(w, r, p.page(p.flow)) // which begins anew what has expired
		return nil
	}
	p.secret, p.values = s.ensureCSRF(w, r), values
	return p.answer(p.judge())
}
