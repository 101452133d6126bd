package wire

import (
	"time"

	"github.com/google/uuid"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Session is a session as clients see it. The token is never part of it.
type Session struct {
	ID              string     `json:"id"`
	Active          bool       `json:"active"`
	ExpiresAt       time.Time  `json:"expires_at"`
	AuthenticatedAt time.Time  `json:"authenticated_at"`
	AAL             string     `json:"authenticator_assurance_level"`
	Methods         []Method   `json:"authentication_methods"`
	IssuedAt        time.Time  `json:"issued_at"`
	Identity        *Identity  `json:"identity"`
	Devices         []Device   `json:"devices"`
	LastSeenAt      *time.Time `json:"last_seen_at,omitempty"`
	Remembered      bool       `json:"remembered,omitempty"`
	Current         bool       `json:"current,omitempty"`
	EndedAt         *time.Time `json:"ended_at,omitempty"`
	EndReason       string     `json:"end_reason,omitempty"`
	EndedBy         string     `json:"ended_by,omitempty"`
}

// TracedSession is the session of a token, for administrators. Replaced says that it has another token by now.
type TracedSession struct {
	Session
	Replaced bool `json:"token_replaced"`
}

// Method is one proof inside a session.
type Method struct {
	Method      string    `json:"method"`
	AAL         string    `json:"aal"`
	CompletedAt time.Time `json:"completed_at"`
}

// Device is where a session was used to authenticate.
type Device struct {
	ID        uuid.UUID `json:"id"`
	IP        string    `json:"ip_address"`
	UserAgent string    `json:"user_agent"`
	Location  string    `json:"location"`
}

// Expand chooses what goes with a session.
type Expand struct {
	Identity bool
	Devices  bool
	End      bool // when, why and by whom it ended, and whether its holder chose to stay signed in
	Admin    bool // the metadata that is for administrators only
}

// FromSession shows a session as it is at a moment.
func (v View) FromSession(s *session.Session, now time.Time, e Expand) Session {
	w := Session{
		ID: s.ID.String(), Active: s.Valid(now), ExpiresAt: s.ExpiresAt, AuthenticatedAt: s.AuthenticatedAt,
		AAL: s.AAL.String(), IssuedAt: s.IssuedAt, LastSeenAt: optional(s.LastSeenAt), Methods: make([]Method, len(s.Methods)), Devices: []Device{},
	}
	for i, m := range s.Methods {
		w.Methods[i] = Method{m.Method, m.AAL.String(), m.CompletedAt}
	}
	if e.Devices {
		for _, d := range s.Devices {
			w.Devices = append(w.Devices, Device(d))
		}
	}
	if e.Identity && s.Identity != nil {
		i := v.FromIdentity(s.Identity, IdentityParts{Admin: e.Admin})
		w.Identity = &i
	}
	w.Remembered = (e.End || e.Admin) && s.Remembered
	if (e.End || e.Admin) && s.End != nil {
		w.EndedAt, w.EndReason, w.EndedBy = optional(s.End.At), string(s.End.Reason), s.End.By
	}
	return w
}

// SignedIn is the answer to a sign-in.
type SignedIn struct {
	SessionToken string     `json:"session_token,omitempty"`
	Session      Session    `json:"session"`
	ContinueWith []Continue `json:"continue_with"`
}

// SignedUp is the answer to a registration.
type SignedUp struct {
	SessionToken string     `json:"session_token,omitempty"`
	Session      *Session   `json:"session,omitempty"`
	Identity     Identity   `json:"identity"`
	ContinueWith []Continue `json:"continue_with"`
}

// Continue tells a client what to do next.
type Continue struct {
	Action       string `json:"action"`
	SessionToken string `json:"ory_session_token,omitempty"`
	RedirectTo   string `json:"redirect_browser_to,omitempty"`
}

// FromSignIn shows a sign-in. token is "" when the session existed before. hide leaves the identity out, for a session
// that has to be stepped up before it may see it.
func (v View) FromSignIn(s *session.Session, token string, now time.Time, hide bool) SignedIn {
	return SignedIn{SessionToken: token, Session: v.FromSession(s, now, Expand{Identity: !hide, Devices: true})}
}

// FromSignUp shows a registration; s is nil when it started no session.
func (v View) FromSignUp(i *identity.Identity, s *session.Session, token string, now time.Time) SignedUp {
	w := SignedUp{Identity: v.FromIdentity(i, IdentityParts{}), SessionToken: token}
	if s != nil {
		shown := v.FromSession(s, now, Expand{Identity: true, Devices: true})
		w.Session = &shown
		w.ContinueWith = []Continue{{Action: "set_ory_session_token", SessionToken: token}}
	}
	return w
}

// FromBrowserSignIn shows a sign-in to a script in a page. The token travels in the cookie; one is given only to who refreshed
// a session that they hold by a header.
func (v View) FromBrowserSignIn(s *session.Session, token string, to flow.Return, now time.Time) SignedIn {
	w := v.FromSignIn(s, token, now, false)
	w.ContinueWith = leadTo(to)
	return w
}

// FromBrowserSignUp is the same for a registration; s is nil when it started no session.
func (v View) FromBrowserSignUp(i *identity.Identity, s *session.Session, to flow.Return, now time.Time) SignedUp {
	w := v.FromSignUp(i, s, "", now)
	w.ContinueWith = leadTo(to)
	return w
}

func leadTo(to flow.Return) []Continue {
	return []Continue{{Action: "redirect_browser_to", RedirectTo: to.String()}}
}

// Exchanged is the answer to the exchange of codes.
type Exchanged struct {
	SessionToken string  `json:"session_token"`
	Session      Session `json:"session"`
}

// Processed is the answer to a bulk change of sessions.
type Processed struct {
	Processed int  `json:"processed"`
	More      bool `json:"more"`
}

// Revoked is the answer to ending one's other sessions.
type Revoked struct {
	Count int `json:"count"`
}
