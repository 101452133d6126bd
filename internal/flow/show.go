package flow

import (
	"context"
	"slices"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Form returns what to show of a flow. csrf is the value of its anti-forgery node; API flows leave it empty.
func (e *Engine) Form(ctx context.Context, f *Flow, current *session.Session, csrf string) (Form, error) {
	var nodes []Node
	for _, m := range e.Methods {
		ns, err := m.Nodes(ctx, f, current)
		if err != nil {
			return Form{}, err
		}
		nodes = append(nodes, ns...)
	}
	nodes, err := kinds[f.Kind].nodes(e, f, append([]Node{csrfNode(csrf)}, nodes...))
	if err != nil {
		return Form{}, err
	}
	nodes = f.complain(nodes)
	messages := f.Messages
	if !f.failed() {
		messages = append(f.hints(current), messages...)
	}
	return Form{Nodes: f.fill(nodes), Messages: messages}, nil
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

// failed reports whether the form says what is wrong, which then stands alone.
func (f *Flow) failed() bool {
	return len(f.Faults) > 0 || slices.ContainsFunc(f.Messages, func(m Message) bool { return m.Type == Failure })
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
