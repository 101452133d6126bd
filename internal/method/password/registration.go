package password

import (
	"context"
	"errors"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// errNoIdentifier keeps an account from being made that nobody could ever sign in to.
var errNoIdentifier = fault.New(fault.Invalid, "identifier_missing", "The traits hold no identifier, so nobody could sign in to this account.")

// register judges the traits first and the password only when they are in order.
func (m *Method) register(ctx context.Context, f *flow.Flow, in flow.Input) (flow.Outcome, error) {
	schema, err := m.Manager.Schemas.Find(f.IdentitySchema)
	if err != nil {
		return nil, err
	}
	traits, derived, err := flow.ReadTraits(schema, in)
	if err != nil {
		return nil, err
	}
	password := in.Text("password")
	if missing := required(map[string]string{"password": password}); missing != nil {
		return *missing, nil
	}
	if err := m.Policy.Check(ctx, password, derived.Identifiers[identity.Password]); err != nil {
		var v *Violation
		if !errors.As(err, &v) {
			return nil, err
		}
		return flow.Fault("password", v.message()), nil
	}
	i, err := m.Manager.Build(ctx, identity.Draft{SchemaID: schema.ID, Traits: traits, Password: &identity.NewPassword{Clear: password}})
	if err != nil {
		return nil, err
	}
	if len(i.Credentials[identity.Password].Identifiers) == 0 {
		return nil, errNoIdentifier
	}
	return flow.Changed{Identity: i, Use: m.use()}, nil
}

func (v *Violation) message() flow.Message {
	text := "The " + v.Error() + "."
	switch v.Kind {
	case TooShort:
		return flow.FailedPolicy(4000032, text, map[string]any{"min_length": v.Limit, "actual_length": v.Actual})
	case TooLong:
		return flow.FailedPolicy(4000033, text, map[string]any{"max_length": v.Limit, "actual_length": v.Actual})
	case Breached:
		return flow.FailedPolicy(4000034, text, map[string]any{"breaches": v.Breaches})
	}
	return flow.FailedPolicy(4000031, text, nil)
}
