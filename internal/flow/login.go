package flow

import (
	"context"
	"slices"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// mayBeginLogin lets in whoever is not signed in, wants to authenticate again, or wants a higher level.
func mayBeginLogin(_ *Engine, f *Flow, current *session.Session) error {
	switch {
	case current == nil && f.RequestedAAL == identity.AAL2:
		return ErrNoSession
	case current == nil || f.Refresh || f.RequestedAAL > current.AAL:
		return nil
	}
	return ErrSignedIn
}

// RememberField is the name of the box "keep me signed in".
const RememberField = "remember"

// loginNodes adds the box "keep me signed in", where that is offered, before the first button.
func loginNodes(e *Engine, f *Flow, nodes []Node) ([]Node, error) {
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Type == "submit" })
	if i < 0 || e.Sessions.Rules.Remembered == 0 || f.Type != Browser || f.Refresh || f.RequestedAAL > identity.AAL1 {
		return nodes, nil
	}
	label := labelRemember
	return slices.Insert(nodes, i, Node{Group: DefaultGroup, Name: RememberField, Type: "checkbox", Label: &label}), nil
}

// finishLogin starts a session for a proved identity, or refreshes the one that the flow was begun for.
//
// Whether a session is remembered is chosen when it starts, and stays so.
func finishLogin(ctx context.Context, e *Engine, f *Flow, in Input, o Outcome) (*Result, error) {
	proved := o.(Proved)
	if proved.Identity.State != identity.Active {
		return nil, session.ErrIdentityInactive
	}
	if in.Current != nil {
		return finishRefresh(ctx, e, f, in, proved)
	}
	r := &Result{Identity: proved.Identity, Started: true}
	proof := session.Proof{Identity: proved.Identity, Methods: []session.MethodUse{proved.Use}, Device: in.Device,
		Carrier: f.Type.Carrier(), Remember: in.Text(RememberField) == "true"}
	start := func(ctx context.Context) (err error) {
		r.Session, r.Token, err = e.Sessions.Start(ctx, proof)
		return err
	}
	if !e.Rules[Login].RevokeOthers[proved.Use.Method] || !e.Sessions.Suffices(session.Level(proof.Methods), proved.Identity) {
		return r, start(ctx)
	}
	return r, e.Store.Atomic(ctx, func(ctx context.Context) error {
		if _, err := e.Sessions.RevokeOwn(ctx, proved.Identity.ID); err != nil {
			return err
		}
		return start(ctx)
	})
}

// finishRefresh lets somebody who is signed in authenticate again. Only the same person may: anybody else would take
// over, or mix, two people's sessions.
func finishRefresh(ctx context.Context, e *Engine, f *Flow, in Input, proved Proved) (*Result, error) {
	if proved.Identity.ID != in.Current.IdentityID {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{FailedCredentials}})
	}
	r := &Result{Identity: proved.Identity}
	renewal := session.Renewal{Use: proved.Use, Device: in.Device, Carrier: in.Carrier, Token: in.Token}
	if proved.Use.AAL == identity.AAL1 { // a code that is used up cannot be judged anew
		renewal.Identity = proved.Identity
	}
	refresh := func(ctx context.Context) (err error) {
		r.Session, r.Token, err = e.Sessions.Refresh(ctx, in.Current, renewal)
		return err
	}
	if !e.revokesOthers(in.Current, proved.Use) {
		return r, refresh(ctx)
	}
	return r, e.Store.Atomic(ctx, func(ctx context.Context) error {
		if err := refresh(ctx); err != nil {
			return err
		}
		_, err := e.Sessions.RevokeOthers(ctx, r.Session)
		return err
	})
}

// revokesOthers reports whether a sign-in, with the second factor that has just been shown, is one that leaves no other
// session behind. The first factor alone must not end sessions that have shown both.
func (e *Engine) revokesOthers(s *session.Session, use session.MethodUse) bool {
	all := append(slices.Clip(s.Methods), use)
	return e.Sessions.Suffices(session.Level(all), s.Identity) &&
		slices.ContainsFunc(all, func(m session.MethodUse) bool { return e.Rules[Login].RevokeOthers[m.Method] })
}
