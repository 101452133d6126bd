package password

import (
	"context"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Method signs people in, and up, with an identifier and a password, and lets them change it. It is safe for concurrent use.
type Method struct {
	Identities identity.Store
	Manager    *identity.Manager
	Hasher     *Hasher
	Policy     Policy
	Tries      flow.Tries
	Now        func() time.Time // nil means time.Now
}

var (
	_ flow.Method  = (*Method)(nil)
	_ flow.Guarded = (*Method)(nil)
)

// Name implements flow.Method.
func (*Method) Name() string { return string(identity.Password) }

// Level implements flow.Method.
func (*Method) Level() identity.AAL { return identity.AAL1 }

// Nodes implements flow.Method.
func (m *Method) Nodes(ctx context.Context, f *flow.Flow, current *session.Session) ([]flow.Node, error) {
	switch {
	case f.RequestedAAL > identity.AAL1:
		return nil, nil // a second factor is asked for, and this is a first one
	case f.Kind == flow.Login:
		return m.loginNodes(ctx, f, current)
	}
	label := flow.LabelSignUp
	if f.Kind == flow.Settings {
		label = flow.LabelSave
	}
	return []flow.Node{secretInput("new-password"), flow.Submit(flow.PasswordGroup, "method", m.Name(), label)}, nil
}

func secretInput(autocomplete string) flow.Node {
	label := flow.LabelPassword
	return flow.Node{Group: flow.PasswordGroup, Name: "password", Type: "password", Required: true, Autocomplete: autocomplete, Label: &label}
}

// Submit implements flow.Method.
func (m *Method) Submit(ctx context.Context, f *flow.Flow, in flow.Input) (flow.Outcome, error) {
	switch f.Kind {
	case flow.Login:
		return m.login(ctx, in)
	case flow.Settings:
		return m.change(ctx, in)
	}
	return m.register(ctx, f, in)
}

func (m *Method) use() session.MethodUse {
	return session.MethodUse{Method: m.Name(), AAL: identity.AAL1, CompletedAt: m.now()}
}

func (m *Method) now() time.Time {
	if m.Now != nil {
		return m.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}
