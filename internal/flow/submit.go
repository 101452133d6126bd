package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Occupied reports whether a submission comes from somebody who is signed in already, where that makes it pointless.
func (f *Flow) Occupied(current *session.Session) bool {
	return current != nil && (f.Kind == Registration || !f.Refresh && f.RequestedAAL < identity.AAL2)
}

// maxTries bounds how often a submission is judged anew because the identity was changed meanwhile.
const maxTries = 5

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
	m, err := e.method(f, in)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{kinds[f.Kind].stuck}})
	}
	if f.Kind == Login && f.Occupied(in.Current) {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{FailedGeneric(ErrSignedIn.Reason)}})
	}
	if err := e.remember(f, in); err != nil {
		return nil, err
	}
	kept := maps.Clone(f.Kept)
	result, err := e.judge(ctx, m, f, in)
	for tries := 1; errors.Is(err, identity.ErrChanged) && tries < maxTries; tries++ {
		f.Kept = maps.Clone(kept)
		result, err = e.judge(ctx, m, f, in)
	}
	if err != nil {
		return nil, e.explain(ctx, f, err)
	}
	result.Method = m.Name()
	return result, nil
}

// method finds the method that a submission is for, or nil.
func (e *Engine) method(f *Flow, in Input) (Method, error) {
	name := in.Text("method")
	if slices.Contains(e.Disabled, name) {
		return nil, ErrMethodDisabled
	}
	for _, m := range e.Methods {
		claimer, ok := m.(Claimer)
		claimed := name == "" && ok && claimer.Claims(f, in)
		if (m.Name() == name || claimed) && f.admits(m) {
			return m, nil
		}
	}
	return nil, nil
}

// admits reports whether a method has a part in a flow: a first factor where one is asked for, a second one likewise.
func (f *Flow) admits(m Method) bool {
	switch f.Kind {
	case Login:
		return m.Level() == f.RequestedAAL
	case Registration:
		return m.Level() == identity.AAL1
	}
	return true
}

// judge hands a submission to its method, and acts on the outcome.
func (e *Engine) judge(ctx context.Context, m Method, f *Flow, in Input) (*Result, error) {
	if err := e.recent(ctx, m, f, in); err != nil {
		return nil, err
	}
	outcome, err := m.Submit(ctx, f, in)
	if err != nil {
		return nil, err
	}
	switch o := outcome.(type) {
	case Again:
		return nil, e.Reject(ctx, f, o)
	case Moved:
		return nil, e.again(ctx, f, Again{}, true)
	}
	if f.Kind == Settings {
		f.Active = m.Name()
	}
	return kinds[f.Kind].finish(ctx, e, f, in, outcome)
}

func (e *Engine) admissible(f *Flow, in Input) error {
	switch {
	case f.Kind == Settings:
		return e.Owned(f, in.Current)
	case f.Kind == Registration && e.Rules[Registration].Disabled:
		return ErrDisabled
	case f.Kind == Registration && in.Current != nil:
		return ErrSignedIn
	case f.Kind == Login && f.RequestedAAL == identity.AAL2 && in.Current == nil:
		return ErrNoSession
	}
	return nil
}

// maxAnswer bounds what is kept of one value, in bytes of JSON. Forms can be begun by anybody, so their rows stay small.
const maxAnswer = 4 << 10

// remember keeps what was posted to the inputs that are shown again. Whatever else a client sends, a password under
// another name for one, is not stored.
func (e *Engine) remember(f *Flow, in Input) error {
	schema, err := e.Schemas.Find(f.IdentitySchema)
	if err != nil {
		return err
	}
	posted := map[string]any{}
	for name, v := range in.Values {
		if name == "traits" {
			flatten(name, v, posted)
			continue
		}
		posted[name] = v
	}
	shown := []string{"identifier", RememberField}
	for _, field := range schema.Fields {
		shown = append(shown, field.Name)
	}
	f.Answers = map[string]any{}
	for _, name := range shown {
		if v, ok := posted[name]; ok && keepable(v) {
			f.Answers[name] = v
		}
	}
	return nil
}

// keepable reports whether a value is small, no token that has strayed here, and one that can be read again: a number may
// be too large for that.
func keepable(v any) bool {
	b, err := json.Marshal(v)
	var again any
	stray := bytes.Contains(b, []byte(session.InHeader)) || bytes.Contains(b, []byte(session.InCookie))
	return err == nil && len(b) <= maxAnswer && !stray && json.Unmarshal(b, &again) == nil
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
	return e.again(ctx, f, why, false)
}

func (e *Engine) again(ctx context.Context, f *Flow, why Again, moved bool) error {
	f.Messages, f.Faults, f.UpdatedAt = why.Messages, why.Faults, e.now()
	if f.Kind == Settings {
		f.State = ShowForm // an earlier submission may have succeeded
	}
	if err := e.Store.UpdateFlow(ctx, f); err != nil {
		return err
	}
	return &Rejected{Flow: f, Moved: moved}
}
