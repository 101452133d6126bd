package server

import (
	"errors"
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

// exchangeCodes are the two codes of a flow: the one that its client holds from the beginning, and the one that comes with
// the address it is sent back to. They are made from the flow's id and a key, so nothing has to be kept of them but hashes.
func (s *Server) exchangeCodes(id flow.ID) (init, back session.Secret) {
	code := func(purpose string) session.Secret {
		return session.DeriveCode(mac(s.Keys[0], "exchange "+purpose, id[:]), mac(s.Keys[0], "exchange "+purpose+" 2", id[:]))
	}
	return code("init"), code("return")
}

// offerExchange lets the client of a native flow fetch the session with codes.
func (s *Server) offerExchange(r *http.Request, f *flow.Flow) (string, error) {
	if !f.Exchange {
		return "", nil
	}
	init, back := s.exchangeCodes(f.ID)
	err := s.Exchanges.InsertExchange(r.Context(), session.Exchange{Init: init.Hash(), Return: back.Hash(), Flow: f.ID, ExpiresAt: f.ExpiresAt})
	return init.Reveal(), err
}

// settleExchange hands the session of a flow over to whoever has the codes, and returns where the client is sent with the
// second of them, or nothing.
func (p *post) settleExchange(result *flow.Result) ([]wire.Continue, error) {
	if !p.flow.Exchange || !result.Started {
		return nil, nil
	}
	if err := p.Sessions.Settle(p.r.Context(), p.Exchanges, p.flow.ID, result.Session.ID); err != nil {
		return nil, err
	}
	_, back := p.exchangeCodes(p.flow.ID)
	to := p.Flows.Destination(p.flow, result.Method).With("code", back.Reveal())
	return []wire.Continue{{Action: "redirect_browser_to", RedirectTo: to.String()}}, nil
}

var errNoCodes = fault.New(fault.Invalid, "exchange_codes_missing", "Both init_code and return_to_code are needed: the session_token_exchange_code of the flow, and the code that the return address carries.")

// tokenExchange gives a token for the two codes of a flow, once.
func (s *Server) tokenExchange(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	init, err := session.ParseSecret(q.Get("init_code"))
	back, err2 := session.ParseSecret(q.Get("return_to_code"))
	if err != nil || err2 != nil {
		return errNoCodes
	}
	found, x, token, err := s.Sessions.Redeem(r.Context(), s.Exchanges, init, back)
	switch {
	case err != nil:
		return err
	case x == nil:
		return s.unfinished(w, r, found)
	}
	note(w, "exchanged", x.ID.String())
	shown := wire.Expand{Identity: s.Sessions.Satisfied(x), Devices: true} // the first factor alone shows nothing of the person
	return reply(w, http.StatusOK, wire.Exchanged{SessionToken: token.Reveal(), Session: s.View.FromSession(x, s.Sessions.Moment(), shown)})
}

// unfinished shows the flow that has not started a session yet.
func (s *Server) unfinished(w http.ResponseWriter, r *http.Request, found session.Exchange) error {
	for _, kind := range []flow.Kind{flow.Login, flow.Registration} {
		f, err := s.Flows.Fetch(r.Context(), kind, found.Flow)
		switch {
		case errors.Is(err, flow.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		return s.showFlow(w, r, http.StatusUnprocessableEntity, f, nil, "")
	}
	return session.ErrNoExchange
}
