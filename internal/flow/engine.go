package flow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
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

	StartSession bool // registration: the hook "session"
	RevokeOthers bool // login: the hook "revoke_active_sessions"
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
}

// Result is a submission that succeeded. Token is set when a session was started by it.
type Result struct {
	Identity *identity.Identity
	Session  *session.Session
	Token    session.Secret
	Started  bool
}

// Rejected means that the form has to be filled in again; the flow says why. It is no fault: clients get the flow.
type Rejected struct{ Flow *Flow }

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
	Current      *session.Session // the caller's session, or nil
}

// Begin makes a new flow.
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
	f.Refresh = s.Refresh && s.Current != nil
	if f.RequestedAAL, err = parseAAL(s.AAL); err != nil {
		return nil, err
	}
	if err := kinds[s.Kind].mayBegin(e, f, s.Current); err != nil {
		return nil, err
	}
	return f, e.Store.InsertFlow(ctx, f)
}

func (e *Engine) fresh(kind Kind, t Type) *Flow {
	now := e.now()
	return &Flow{ID: ID(uuid.New()), Kind: kind, Type: t, State: ChooseMethod, RequestedAAL: identity.AAL1,
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

// Fetch returns a flow to show it; ErrExpired when its time is over.
func (e *Engine) Fetch(ctx context.Context, kind Kind, id ID) (*Flow, error) {
	f, err := e.Store.Flow(ctx, kind, id)
	if err == nil && !f.ExpiresAt.After(e.now()) {
		err = ErrExpired.Saying("The %s flow has expired. Begin a new one.", kind)
	}
	return f, err
}

// Open returns a flow to submit it. One that has expired is replaced by a new one, which the error names.
func (e *Engine) Open(ctx context.Context, kind Kind, id ID) (*Flow, error) {
	f, err := e.Store.Flow(ctx, kind, id)
	if err != nil {
		return nil, err
	}
	now := e.now()
	if f.ExpiresAt.After(now) {
		return f, nil
	}
	next := e.fresh(kind, f.Type)
	next.RequestURL, next.ReturnTo, next.RequestedAAL, next.Refresh = f.RequestURL, f.ReturnTo, f.RequestedAAL, f.Refresh
	next.IdentitySchema, next.OrganizationID = f.IdentitySchema, f.OrganizationID
	next.Messages = []Message{failedExpired(kind, f.ExpiresAt)}
	if err := e.Store.InsertFlow(ctx, next); err != nil {
		return nil, err
	}
	since := now.Sub(f.ExpiresAt)
	return nil, ErrExpired.Saying("The self-service flow expired %.2f minutes ago, initialize a new one.", since.Minutes()).
		With("use_flow_id", next.ID.String()).With("expired_at", f.ExpiresAt).With("since", since.Nanoseconds())
}

// Form returns what to show of a flow.
func (e *Engine) Form(ctx context.Context, f *Flow, current *session.Session) (Form, error) {
	var nodes []Node
	for _, m := range e.Methods {
		ns, err := m.Nodes(ctx, f, current)
		if err != nil {
			return Form{}, err
		}
		nodes = append(nodes, ns...)
	}
	nodes, err := kinds[f.Kind].nodes(e, f, nodes)
	if err != nil {
		return Form{}, err
	}
	nodes = f.complain(nodes)
	return Form{Nodes: f.fill(nodes), Messages: append(f.hints(current), f.Messages...)}, nil
}

// complain adds nodes for faults that concern something the form does not ask for.
func (f *Flow) complain(nodes []Node) []Node {
	var extra []string
	for name := range f.Faults {
		if !named(nodes, name) {
			extra = append(extra, name)
		}
	}
	slices.Sort(extra)
	for _, name := range extra {
		nodes = append(nodes, Node{Group: DefaultGroup, Name: name, Type: "text"})
	}
	return nodes
}

// hints are the messages that follow from the state of the flow rather than from a submission.
func (f *Flow) hints(current *session.Session) (hints []Message) {
	if f.Refresh {
		hints = append(hints, hintRefresh)
	}
	if f.RequestedAAL == identity.AAL2 && (current == nil || current.AAL < identity.AAL2) {
		hints = append(hints, hintSecondFactor)
	}
	if f.Step == Credentials {
		hints = append(hints, hintChooseFactor)
	}
	return hints
}

// Submit judges a submission of an open flow. A *Rejected error carries the flow to show again.
func (e *Engine) Submit(ctx context.Context, f *Flow, in Input) (*Result, error) {
	if err := e.admissible(f, in); err != nil {
		return nil, err
	}
	if f.Kind == Registration {
		if moved, err := e.move(ctx, f, in); moved || err != nil {
			return nil, err
		}
	}
	name := in.Text("method")
	if slices.Contains(e.Disabled, name) {
		return nil, ErrMethodDisabled
	}
	i := slices.IndexFunc(e.Methods, func(m Method) bool { return m.Name() == name })
	if i < 0 || f.RequestedAAL == identity.AAL2 {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{kinds[f.Kind].stuck}})
	}
	f.remember(in)
	outcome, err := e.Methods[i].Submit(ctx, f, in)
	if err != nil {
		return nil, e.explain(ctx, f, err)
	}
	if again, ok := outcome.(Again); ok {
		return nil, e.Reject(ctx, f, again)
	}
	result, err := kinds[f.Kind].finish(ctx, e, f, in, outcome)
	if err != nil {
		return nil, e.explain(ctx, f, err)
	}
	return result, nil
}

func (e *Engine) admissible(f *Flow, in Input) error {
	switch {
	case f.Kind == Registration && e.Rules[Registration].Disabled:
		return ErrDisabled
	case f.Kind == Registration && in.Current != nil:
		return ErrSignedIn
	case f.Kind == Login && f.RequestedAAL == identity.AAL2 && in.Current == nil:
		return ErrNoSession
	}
	return nil
}

// remember keeps what was posted, to be shown again; not the password.
func (f *Flow) remember(in Input) {
	f.Answers = map[string]any{}
	for name, v := range in.Values {
		switch name {
		case "password", "csrf_token", "method", "screen", "transient_payload":
		case "traits":
			flatten("traits", v, f.Answers)
		default:
			f.Answers[name] = v
		}
	}
}

// explain turns what a person can mend into messages on the form and leaves the rest alone.
func (e *Engine) explain(ctx context.Context, f *Flow, err error) error {
	var traits *identity.TraitErrors
	var rejected *Rejected
	seen := fault.From(err)
	switch {
	case errors.As(err, &rejected):
		return err
	case errors.As(err, &traits):
		return e.Reject(ctx, f, traitFaults(traits))
	case errors.Is(err, session.ErrIdentityInactive):
		return e.Reject(ctx, f, Again{Messages: []Message{FailedInactive}})
	case seen.Kind == fault.Invalid:
		return e.Reject(ctx, f, Again{Messages: []Message{FailedGeneric(seen.Reason)}})
	}
	return err
}

func traitFaults(errs *identity.TraitErrors) Again {
	again := Again{Faults: map[string][]Message{}}
	for _, t := range errs.All {
		again.Faults[t.Path] = append(again.Faults[t.Path], failedTrait(t))
	}
	return again
}

// Reject stores what is wrong with a submission and returns the *Rejected to answer with.
func (e *Engine) Reject(ctx context.Context, f *Flow, why Again) error {
	e.Meter.SubmissionFailed(f.Kind)
	return e.again(ctx, f, why)
}

func (e *Engine) again(ctx context.Context, f *Flow, why Again) error {
	f.Messages, f.Faults, f.UpdatedAt = why.Messages, why.Faults, e.now()
	if err := e.Store.UpdateFlow(ctx, f); err != nil {
		return err
	}
	return &Rejected{Flow: f}
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}
