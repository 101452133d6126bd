package server

import (
	"encoding/json"
	"net/http"
	"time"
)

// Somebody who wants to change a credential, and has to authenticate again first, need not type the change twice: it goes
// along in a cookie that only this server can open, and only for this person and this flow. Nothing of it is stored here.
const (
	parkedCookie = "ory_kratos_continuity"
	parkedFor    = 15 * time.Minute
	maxParked    = 3800 // bytes of the cookie's value; browsers drop larger ones
)

// parked is what goes along.
type parked struct {
	Values map[string]any `json:"values"`
	Until  int64          `json:"until"` // Unix time
	Flow   int64          `json:"flow"`  // when the flow was changed last, in microseconds of Unix time
}

func (p *post) parkedPurpose() string {
	return "settings " + p.flow.ID.String() + " " + p.caller.session.IdentityID.String()
}

// park sends the submission along. One that is too large is left out: the form is filled in again then.
func (p *post) park() {
	b, err := json.Marshal(parked{p.values, p.Sessions.Moment().Add(parkedFor).Unix(), p.flow.UpdatedAt.UnixMicro()})
	if err != nil {
		return // what a client sent can always be encoded
	}
	closed := p.Vault.Close(p.parkedPurpose(), b)
	if len(closed) > maxParked {
		return
	}
	c := p.Session.cookie(parkedCookie, closed)
	c.MaxAge = int(parkedFor / time.Second)
	put(p.w, c)
}

// unpark returns what came back, and removes it. It counts once, whoever has a copy: applying it changes the flow.
func (p *post) unpark() (map[string]any, bool) {
	defer p.remove(p.w, parkedCookie)
	sent, err := p.r.Cookie(parkedCookie)
	if err != nil {
		return nil, false
	}
	b, err := p.Vault.Open(p.parkedPurpose(), sent.Value)
	if err != nil {
		return nil, false
	}
	var back parked
	if err := json.Unmarshal(b, &back); err != nil || back.Until < p.Sessions.Moment().Unix() || back.Flow != p.flow.UpdatedAt.UnixMicro() {
		return nil, false
	}
	return back.Values, true
}

// changePassword is the address that browsers and password managers look for (W3C, "A Well-Known URL for Changing Passwords").
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	redirect(w, r, s.Places.ChangePassword)
	return nil
}
