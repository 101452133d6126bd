package flow

import (
	"context"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Method is a way to authenticate. It is safe for concurrent use.
type Method interface {
	// Name is the value of the form's method field.
	Name() string

	// Nodes are what the method adds to the form of a flow, inputs before buttons; none if it has no part in it. The
	// session is the caller's, or nil.
	Nodes(ctx context.Context, f *Flow, current *session.Session) ([]Node, error)

	// Submit judges what was posted. Errors are failures of the machinery or faults that end the request; what the
	// person can mend is an outcome.
	Submit(ctx context.Context, f *Flow, in Input) (Outcome, error)
}

// Outcome is what a method makes of a submission. Only the engine acts on it.
type Outcome interface{ outcome() }

// Proved means that the person is this identity, shown by this use of a method.
type Proved struct {
	Identity *identity.Identity
	Use      session.MethodUse
}

// Changed means that an identity is to be written: at registration, a new one with its first credential.
type Changed struct {
	Identity *identity.Identity
	Use      session.MethodUse
}

// Again means that the form is to be shown again with these messages.
type Again struct {
	Messages []Message
	Faults   map[string][]Message
}

func (Proved) outcome()  {}
func (Changed) outcome() {}
func (Again) outcome()   {}

// Fault makes an Again that complains about one node.
func Fault(node string, m Message) Again {
	return Again{Faults: map[string][]Message{node: {m}}}
}
