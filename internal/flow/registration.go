package flow

import (
	"context"
	"errors"
	"slices"
	"strings"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

func mayBeginRegistration(e *Engine, _ *Flow, current *session.Session) error {
	switch {
	case e.Rules[Registration].Disabled:
		return ErrDisabled
	case current != nil:
		return ErrSignedIn
	}
	return nil
}

// registrationNodes lays out the form: traits in the order of the schema, a method's inputs right after the last
// identifier, buttons at the end. In two steps, the traits are asked first and hidden in the second.
func registrationNodes(e *Engine, f *Flow, given []Node) ([]Node, error) {
	schema, err := e.Schemas.Find(f.IdentitySchema)
	if err != nil {
		return nil, err
	}
	nodes, method := given[:1:1], given[1:]
	traits, after := traitNodes(schema, DefaultGroup)
	inputs, buttons := splitButtons(method)
	switch {
	case e.Rules[Registration].Unified:
		nodes = append(nodes, slices.Insert(traits, after, inputs...)...)
		return append(nodes, buttons...), nil
	case f.Step == First:
		nodes = append(nodes, traits...)
		return append(nodes, Submit(ProfileGroup, "method", "profile", LabelSignUp)), nil
	}
	for i := range traits {
		traits[i].Type, traits[i].Label = "hidden", nil
	}
	nodes = append(append(nodes, traits...), inputs...)
	return append(append(nodes, buttons...), Submit(ProfileGroup, "screen", "previous", LabelBack)), nil
}

func splitButtons(nodes []Node) (inputs, buttons []Node) {
	for _, n := range nodes {
		if n.Type == "submit" {
			buttons = append(buttons, n)
		} else {
			inputs = append(inputs, n)
		}
	}
	return inputs, buttons
}

// traitNodes makes the inputs for traits and returns the position after the last identifier.
func traitNodes(s *identity.Schema, group string) (nodes []Node, after int) {
	for _, field := range s.Fields {
		n := Node{Group: group, Name: field.Name, Type: inputType(field), Required: field.Required, Pattern: field.Pattern, Options: field.Options}
		if field.Title != "" {
			label := LabelTrait(field.Name, field.Title)
			n.Label = &label
		}
		switch field.Format {
		case "email", "tel":
			n.Autocomplete = field.Format
		case "uri":
			n.Autocomplete = "url"
		}
		nodes = append(nodes, n)
		if field.Identifier {
			after = len(nodes)
		}
	}
	if after == 0 {
		after = len(nodes)
	}
	return nodes, after
}

// TraitNodes makes the inputs for traits that have values.
func TraitNodes(s *identity.Schema, group string, traits map[string]any) []Node {
	values := map[string]any{}
	flatten("traits", traits, values)
	nodes, _ := traitNodes(s, group)
	for i := range nodes {
		nodes[i].Value = values[nodes[i].Name]
	}
	return nodes
}

func inputType(f identity.Field) string {
	switch {
	case f.Type == "number" || f.Type == "integer":
		return "number"
	case f.Type == "boolean":
		return "checkbox"
	case len(f.Options) > 0:
		return "text"
	}
	if t, ok := map[string]string{"email": "email", "tel": "tel", "uri": "url", "date": "date", "date-time": "datetime-local"}[f.Format]; ok {
		return t
	}
	return "text"
}

// move changes between the two screens of a registration, and reports whether the submission asked for that.
func (e *Engine) move(ctx context.Context, f *Flow, in Input) (bool, error) {
	back := in.Text("screen") == "previous"
	if e.Rules[Registration].Unified || !(back || in.Text("method") == "profile") {
		return false, nil
	}
	if err := e.remember(f, in); err != nil {
		return true, err
	}
	if back {
		f.Step = First
		return true, e.again(ctx, f, Again{}, true)
	}
	schema, err := e.Schemas.Find(f.IdentitySchema)
	if err == nil {
		_, _, err = ReadTraits(schema, in)
	}
	if err != nil {
		f.Step = First
		return true, e.explain(ctx, f, err)
	}
	f.Step = Credentials
	return true, e.again(ctx, f, Again{}, true)
}

// finishRegistration stores the new identity and, with the hook "session", signs it in, both or neither.
func finishRegistration(ctx context.Context, e *Engine, f *Flow, in Input, o Outcome) (*Result, error) {
	changed := o.(Changed)
	r := &Result{Identity: changed.Identity}
	err := e.Store.Atomic(ctx, func(ctx context.Context) error {
		if err := e.Identities.InsertIdentity(ctx, changed.Identity); err != nil || !e.Rules[Registration].StartSession {
			return err
		}
		var err error
		r.Started = true
		r.Session, r.Token, err = e.Sessions.Start(ctx, session.Proof{Identity: changed.Identity, Methods: []session.MethodUse{changed.Use}, Device: in.Device, Carrier: f.Type.Carrier()})
		return err
	})
	if errors.Is(err, identity.ErrTaken) {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{e.taken(changed.Identity)}})
	}
	return r, err
}

func (e *Engine) taken(i *identity.Identity) Message {
	if !e.Rules[Registration].Hints {
		return FailedTaken
	}
	var types []string
	for t := range i.Credentials {
		types = append(types, string(t))
	}
	slices.Sort(types)
	return FailedTakenWithHint(strings.Join(i.Credentials[identity.Password].Identifiers, ", "), types)
}
