package flow

import (
	"context"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Engine runs the flows. It is safe for concurrent use.
type Engine struct {
	Store      Store
	Sessions   *session.Manager
	Identities identity.Store
	Schemas    *identity.Schemas
	Returns    *Returns
	Methods    []Method // enabled, in the order of their nodes
	Disabled   []string // names of methods that clients may know but that are not enabled
	Rules      map[Kind]Rules
	Meter      Meter
	Now        func() time.Time // nil means time.Now
}

// Rules are the configured properties of a kind of flow.
type Rules struct {
	Lifespan time.Duration
	Disabled bool
	Unified  bool // registration: one form instead of two
	Hints    bool // registration: say how an existing account signs in

	After Return // where a browser goes that asked for nowhere else

	StartSession bool            // registration: the hook "session"
	RevokeOthers map[string]bool // by method: login, the hook "revoke_active_sessions"; settings, changes of credentials

	AfterMethod   map[string]Return   // by method, instead of After
	PrivilegedAge time.Duration       // settings: how long after authenticating credentials may be changed
	RequiredAAL   session.RequiredAAL // settings: the level that they ask for
}

// Meter counts submissions that did not succeed. It must not block.
type Meter interface {
	SubmissionFailed(kind Kind)
}

// kinds is the table of flows: who may begin one, what its form holds, and what its outcomes mean.
var kinds = map[Kind]struct {
	mayBegin func(*Engine, *Flow, *session.Session) error
	nodes    func(*Engine, *Flow, []Node) ([]Node, error)
	stuck    Message // no method took the submission
	finish   func(context.Context, *Engine, *Flow, Input, Outcome) (*Result, error)
}{
	Login:        {mayBeginLogin, loginNodes, failedLogin, finishLogin},
	Registration: {mayBeginRegistration, registrationNodes, failedSignUp, finishRegistration},
	Settings:     {mayBeginSettings, settingsNodes, failedSettings, finishSettings},
}

// Result is a submission that succeeded. Token is the new one of a session that was started or refreshed by it.
type Result struct {
	Identity *identity.Identity
	Session  *session.Session // nil: none was started
	Token    session.Secret
	Started  bool
	Method   string
	Flow     *Flow // settings: as it is shown now
	Ended    int   // settings: other sessions that ended
	Replaced bool  // settings: the session has another token by now than that of the request
}

// Rejected means that the form has to be filled in again; the flow says why. It is no fault: clients get the flow.
type Rejected struct {
	Flow  *Flow
	Moved bool // nothing is wrong: the form shows another step
}

// Error says which flow was rejected.
func (r *Rejected) Error() string { return "the flow has to be submitted again" }

// Start is what a client asks for when it begins a flow.
type Start struct {
	Kind         Kind
	Type         Type
	RequestURL   string
	ReturnTo     string
	Refresh      bool
	AAL          string
	Schema       string
	Organization string
	Exchange     bool
	CSRF         string           // as in Flow
	Current      *session.Session // the caller's session, or nil
	Ended        session.Reason   // login: why the session has ended that the caller had before, or ""
}

// Begin makes a new flow. With ErrSignedIn it returns the flow that was not begun, for its destination.
func (e *Engine) Begin(ctx context.Context, s Start) (*Flow, error) {
	to, err := e.Returns.Allow(s.ReturnTo)
	if err != nil {
		return nil, err
	}
	if s.Schema != "" {
		schema, err := e.Schemas.Find(s.Schema)
		if err != nil || !schema.Selectable {
			return nil, ErrBadSchema
		}
	}
	f := e.fresh(s.Kind, s.Type)
	f.RequestURL, f.ReturnTo, f.IdentitySchema, f.OrganizationID = s.RequestURL, to, s.Schema, s.Organization
	f.CSRF, f.Exchange, f.Refresh = s.CSRF, s.Exchange, s.Refresh && s.Current != nil
	if f.RequestedAAL, err = parseAAL(s.AAL); err != nil {
		return nil, err
	}
	if err := kinds[s.Kind].mayBegin(e, f, s.Current); err != nil {
		return f, err
	}
	if s.Kind == Login {
		f.Messages = SessionEnded(s.Ended)
	}
	if err := e.prepare(f, s.Current); err != nil {
		return nil, err
	}
	return f, e.Store.InsertFlow(ctx, f)
}

func (e *Engine) prepare(f *Flow, current *session.Session) error {
	for _, m := range e.Methods {
		if p, ok := m.(Preparer); ok {
			if err := p.Prepare(f, current); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) fresh(kind Kind, t Type) *Flow {
	now := e.now()
	state := ChooseMethod
	if kind == Settings {
		state = ShowForm
	}
	return &Flow{ID: ID(uuid.New()), Kind: kind, Type: t, State: state, RequestedAAL: identity.AAL1,
		IssuedAt: now, UpdatedAt: now, ExpiresAt: now.Add(e.Rules[kind].Lifespan)}
}

func parseAAL(s string) (identity.AAL, error) {
	switch s {
	case "", "aal1", "AAL1":
		return identity.AAL1, nil
	case "aal2", "AAL2":
		return identity.AAL2, nil
	}
	return 0, ErrBadAAL
}

// Fetch returns a flow, with ErrExpired when its time is over.
func (e *Engine) Fetch(ctx context.Context, kind Kind, id ID) (*Flow, error) {
	f, err := e.Store.Flow(ctx, kind, id)
	if err == nil && !f.ExpiresAt.After(e.now()) {
		err = ErrExpired.Saying("The %s flow has expired. Begin a new one.", kind)
	}
	return f, err
}

// Destination is where a browser goes when a flow is done by a method: where it asked to go, or else where the rules send
// it.
func (e *Engine) Destination(f *Flow, method string) Return {
	if to, err := e.Returns.Allow(f.ReturnTo.String()); err == nil && !to.IsZero() { // the list may be another by now
		return to
	}
	if to, ok := e.Rules[f.Kind].AfterMethod[method]; ok {
		return to
	}
	return e.Rules[f.Kind].After
}

// Replace makes a new flow in the place of one that has expired, which the error, always ErrExpired, names as well. csrf is
// what a browser's is bound to, and current the caller's session, as in Start. What the old one was begun with goes over,
// unless it was another browser's.
func (e *Engine) Replace(ctx context.Context, f *Flow, csrf string, foreign bool, current *session.Session) (*Flow, error) {
	next := e.fresh(f.Kind, f.Type)
	next.CSRF = csrf
	if !foreign {
		next.IdentityID = f.IdentityID
		next.RequestURL, next.ReturnTo, next.RequestedAAL, next.Refresh = f.RequestURL, f.ReturnTo, f.RequestedAAL, f.Refresh
		next.IdentitySchema, next.OrganizationID = f.IdentitySchema, f.OrganizationID
	}
	next.Messages = []Message{failedExpired(f.Kind, f.ExpiresAt)}
	if err := e.prepare(next, current); err != nil {
		return nil, err
	}
	if err := e.Store.InsertFlow(ctx, next); err != nil {
		return nil, err
	}
	since := e.now().Sub(f.ExpiresAt)
	return next, ErrExpired.Saying("The self-service flow expired %.2f minutes ago, initialize a new one.", since.Minutes()).
		With("use_flow_id", next.ID.String()).With("expired_at", f.ExpiresAt).With("since", since.Nanoseconds())
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}
