package flow

import (
	"context"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Method is a way to authenticate. It is safe for concurrent use.
type Method interface {
	// Name is the value of the form's method field.
	Name() string

	// Level is what a sign-in with the method proves: one of two factors, or AAL0 when nobody signs in with it.
	Level() identity.AAL

	// Nodes are what the method adds to the form of a flow, inputs before buttons; none if it has no part in it. The
	// session is the caller's, or nil.
	Nodes(ctx context.Context, f *Flow, current *session.Session) ([]Node, error)

	// Submit judges what was posted. Errors are failures of the machinery or faults that end the request; what the
	// person can mend is an outcome.
	Submit(ctx context.Context, f *Flow, in Input) (Outcome, error)
}

// Claimer is a method that recognises its submissions by more than the field "method".
type Claimer interface {
	// Claims reports whether a submission without a method is for this one.
	Claims(f *Flow, in Input) bool
}

// Preparer is a method that has something to remember before a flow is shown for the first time, and after it succeeded.
type Preparer interface {
	// Prepare keeps it with the flow, unless it is there.
	Prepare(f *Flow, current *session.Session) error
}

// Guarded is a method whose changes may need somebody who has authenticated a short time ago.
type Guarded interface {
	// Privileged reports whether this submission to the settings does.
	Privileged(ctx context.Context, f *Flow, in Input) (bool, error)
}

// Outcome is what a method makes of a submission. Only the engine acts on it.
type Outcome interface{ outcome() }

// Proved means that the person is this identity, shown by this use of a method.
type Proved struct {
	Identity *identity.Identity
	Use      session.MethodUse
}

// Changed means that an identity is to be written: at registration, a new one with its first credential; in settings,
// the one whose they are.
type Changed struct {
	Identity   *identity.Identity
	Version    time.Time         // settings: the UpdatedAt that the change was made from
	Use        session.MethodUse // what was proved by it; zero for nothing
	Credential bool              // settings: a way to sign in has changed
}

// Again means that the form is to be shown again with these messages.
type Again struct {
	Messages []Message
	Faults   map[string][]Message
}

// Moved means that the form shows another screen of the same form: nothing is wrong, and nothing is done yet.
type Moved struct{}

func (Proved) outcome()  {}
func (Changed) outcome() {}
func (Again) outcome()   {}
func (Moved) outcome()   {}

// Fault makes an Again that complains about one node.
func Fault(node string, m Message) Again {
	return Again{Faults: map[string][]Message{node: {m}}}
}
