package password

import (
	"context"
	"errors"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// Privileged implements flow.Guarded: a new password always needs somebody who has just shown who they are.
func (*Method) Privileged(context.Context, *flow.Flow, flow.Input) (bool, error) { return true, nil }

// change sets another password.
func (m *Method) change(ctx context.Context, in flow.Input) (flow.Outcome, error) {
	password := in.Text("password")
	if missing := required(map[string]string{"password": password}); missing != nil {
		return *missing, nil
	}
	i, err := m.Identities.Identity(ctx, in.Current.IdentityID)
	if err != nil {
		return nil, err
	}
	again, err := m.unfit(ctx, password, i)
	if again != nil || err != nil {
		return again, err
	}
	next, err := m.Manager.WithPassword(ctx, i, password)
	if err != nil {
		return nil, err
	}
	return flow.Changed{Identity: next, Version: i.UpdatedAt, Credential: true}, nil
}

// unfit says what is wrong with a new password, or is nil.
func (m *Method) unfit(ctx context.Context, password string, i *identity.Identity) (flow.Outcome, error) {
	var v *Violation
	err := m.Policy.Check(ctx, password, i.Credentials[identity.Password].Identifiers)
	if errors.As(err, &v) {
		return flow.Fault("password", v.message()), nil
	}
	if old := i.Credentials.PasswordHash(); err == nil && old != "" {
		var same bool
		if same, _, err = m.Hasher.Verify(ctx, password, old); same {
			return flow.Fault("password", flow.FailedPolicy(4000039, "The new password has to differ from the old one.", nil)), nil
		}
	}
	return nil, err
}
