// Package profile lets people change their own traits.
package profile

import (
	"bytes"
	"context"
	"encoding/json"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Method is the part of the settings that shows and changes traits. Nobody signs in with it. It is safe for concurrent use.
type Method struct {
	Identities identity.Store
	Manager    *identity.Manager
}

var (
	_ flow.Method  = (*Method)(nil)
	_ flow.Guarded = (*Method)(nil)
)

// Name implements flow.Method.
func (*Method) Name() string { return flow.ProfileGroup }

// Level implements flow.Method.
func (*Method) Level() identity.AAL { return identity.AAL0 }

// Nodes implements flow.Method: the traits with their present values.
func (m *Method) Nodes(_ context.Context, f *flow.Flow, current *session.Session) ([]flow.Node, error) {
	if f.Kind != flow.Settings || current == nil {
		return nil, nil
	}
	schema, err := m.Manager.Schemas.Find(current.Identity.SchemaID)
	if err != nil {
		return nil, err
	}
	var traits map[string]any
	d := json.NewDecoder(bytes.NewReader(current.Identity.Traits))
	d.UseNumber() // what comes back with the form has to be what was there
	if err := d.Decode(&traits); err != nil {
		return nil, err
	}
	nodes := flow.TraitNodes(schema, flow.ProfileGroup, traits)
	return append(nodes, flow.Submit(flow.ProfileGroup, "method", m.Name(), flow.LabelSave)), nil
}

// Privileged implements flow.Guarded: changing how somebody signs in, or where they are reached, is.
func (m *Method) Privileged(ctx context.Context, _ *flow.Flow, in flow.Input) (bool, error) {
	_, _, reach, err := m.change(ctx, in)
	return reach, err
}

// Submit implements flow.Method. What is left out of the traits is removed from them.
func (m *Method) Submit(ctx context.Context, _ *flow.Flow, in flow.Input) (flow.Outcome, error) {
	i, next, reach, err := m.change(ctx, in)
	if err != nil {
		return nil, err
	}
	return flow.Changed{Identity: next, Version: i.UpdatedAt, Credential: reach}, nil
}

func (m *Method) change(ctx context.Context, in flow.Input) (i, next *identity.Identity, reach bool, err error) {
	if i, err = m.Identities.Identity(ctx, in.Current.IdentityID); err != nil {
		return nil, nil, false, err
	}
	schema, err := m.Manager.Schemas.Find(i.SchemaID)
	if err != nil {
		return nil, nil, false, err
	}
	traits, _, err := flow.ReadTraits(schema, in)
	if err != nil {
		return nil, nil, false, err
	}
	next, reach, err = m.Manager.WithTraits(i, traits)
	return i, next, reach, err
}
