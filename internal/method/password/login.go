package password

import (
	"context"
	"errors"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

func (m *Method) loginNodes(ctx context.Context, f *flow.Flow, current *session.Session) ([]flow.Node, error) {
	button := flow.LabelSignInPassword
	identifier, err := m.identifierNode(f)
	if err != nil {
		return nil, err
	}
	if f.Refresh && current != nil {
		button = flow.LabelSignIn
		if identifier, err = m.knownIdentifier(ctx, current); err != nil {
			return nil, err
		}
	}
	return []flow.Node{identifier, secretInput("current-password"), flow.Submit(flow.PasswordGroup, "method", m.Name(), button)}, nil
}

func (m *Method) identifierNode(f *flow.Flow) (flow.Node, error) {
	schema, err := m.Manager.Schemas.Find(f.IdentitySchema)
	if err != nil {
		return flow.Node{}, err
	}
	label := flow.LabelID
	if name, title, ok := schema.IdentifierTitle(); ok {
		label = flow.LabelTrait(name, title)
	}
	return flow.Node{Group: flow.DefaultGroup, Name: "identifier", Type: "text", Value: "", Required: true, Label: &label}, nil
}

// knownIdentifier is the hidden input of somebody who authenticates again.
func (m *Method) knownIdentifier(ctx context.Context, current *session.Session) (flow.Node, error) {
	n := flow.Node{Group: flow.DefaultGroup, Name: "identifier", Type: "hidden"}
	i, err := m.Identities.Identity(ctx, current.IdentityID)
	if err != nil {
		return n, err
	}
	if names := i.Credentials[identity.Password].Identifiers; len(names) > 0 {
		n.Value = names[0]
	}
	return n, nil
}

// login compares a password. An unknown identifier costs as much time as a wrong password and gets the same answer, so
// that nobody learns who has an account.
func (m *Method) login(ctx context.Context, in flow.Input) (flow.Outcome, error) {
	identifier, password := in.Identifier(), in.Text("password")
	if missing := required(map[string]string{"identifier": identifier, "password": password}); missing != nil {
		return *missing, nil
	}
	i, hash, err := m.find(ctx, identifier)
	if err != nil {
		return nil, err
	}
	match, stale, err := m.verify(ctx, flow.Try{Secret: m.Name(), Whose: identifier, Identity: i, By: in}, password, hash)
	switch {
	case err != nil:
		return nil, err
	case !match:
		return flow.Again{Messages: []flow.Message{flow.FailedCredentials}}, nil
	case stale:
		if err := m.upgrade(ctx, i, password); err != nil {
			return nil, err
		}
	}
	return flow.Proved{Identity: i, Use: m.use()}, nil
}

// verify compares a password, as one of a bounded number of tries. What is bounded is the name that was typed, not whose it
// is: else somebody's two names would tell that they are one person's.
func (m *Method) verify(ctx context.Context, t flow.Try, password, hash string) (match, stale bool, err error) {
	end, err := m.Tries.Begin(ctx, t)
	if err != nil {
		return false, false, err
	}
	match, stale, err = m.Hasher.Verify(ctx, password, hash)
	if counted := end(err == nil && !match); counted != nil {
		return false, false, counted
	}
	return match, stale, err
}

func required(values map[string]string) *flow.Again {
	again := flow.Again{Faults: map[string][]flow.Message{}}
	for name, v := range values {
		if v == "" {
			again.Faults[name] = []flow.Message{flow.FailedRequired(name)}
		}
	}
	if len(again.Faults) == 0 {
		return nil
	}
	return &again
}

// find returns the identity and its password hash; both are empty when nobody has the identifier. An identity is found
// with two queries, itself and its credentials, so looking for nobody takes a second one as well.
func (m *Method) find(ctx context.Context, identifier string) (*identity.Identity, string, error) {
	i, err := m.Identities.IdentityByIdentifier(ctx, identity.Password, identifier)
	if errors.Is(err, identity.ErrNotFound) {
		if _, err = m.Identities.Identity(ctx, identity.ID{}); errors.Is(err, identity.ErrNotFound) {
			err = nil
		}
		return nil, "", err
	}
	if err != nil {
		return nil, "", err
	}
	return i, i.Credentials.PasswordHash(), nil
}

// upgrade replaces a hash of another format or cost, in i too, unless the password was changed meanwhile.
func (m *Method) upgrade(ctx context.Context, i *identity.Identity, password string) error {
	hash, err := m.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	c := i.Credentials[identity.Password]
	old := c.Config
	c.Config = identity.PasswordConfig(hash)
	done, err := m.Identities.ReplaceCredential(ctx, i.ID, identity.Password, old, c.Config, m.now())
	if done {
		i.Credentials[identity.Password] = c
	}
	return err
}
