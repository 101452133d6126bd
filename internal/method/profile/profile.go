// Package profile lets people change their own traits.
package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"

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
	traits, err := traitsOf(current.Identity)
	if err != nil {
		return nil, err
	}
	nodes := flow.TraitNodes(schema, flow.ProfileGroup, traits)
	return append(nodes, flow.Submit(flow.ProfileGroup, "method", m.Name(), flow.LabelSave)), nil
}

func traitsOf(i *identity.Identity) (traits map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(i.Traits))
	d.UseNumber() // what comes back with the form has to be what was there
	return traits, d.Decode(&traits)
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
	if in.Form {
		if in, err = keepUnshown(schema, i, in); err != nil {
			return nil, nil, false, err
		}
	}
	traits, _, err := flow.ReadTraits(schema, in)
	if err != nil {
		return nil, nil, false, err
	}
	next, reach, err = m.Manager.WithTraits(i, traits)
	return i, next, reach, err
}

// keepUnshown completes what a plain form has sent with the traits that it could not show: lists, and what the schema does
// not name. A form knows texts alone, and must not remove what its reader never saw.
func keepUnshown(schema *identity.Schema, i *identity.Identity, in flow.Input) (flow.Input, error) {
	kept, err := traitsOf(i)
	if err != nil {
		return in, err
	}
	values := maps.Clone(in.Values)
	for _, field := range schema.Fields {
		if field.Type == "array" && values[field.Name] == "" {
			delete(values, field.Name) // an input that shows no list sends none
			continue
		}
		remove(kept, strings.TrimPrefix(field.Name, "traits."))
	}
	for name := range values {
		if path, ok := strings.CutPrefix(name, "traits."); ok {
			remove(kept, path) // it goes over what was there, also where the schema names no field
		}
	}
	if _, nested := values["traits"]; !nested {
		values["traits"] = kept
	}
	in.Values = values
	return in, nil
}

// remove takes out what is at a path, and the objects on the way that it leaves empty.
func remove(tree map[string]any, path string) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		delete(tree, name)
		return
	}
	if next, ok := tree[name].(map[string]any); ok {
		if remove(next, rest); len(next) == 0 {
			delete(tree, name)
		}
	}
}
