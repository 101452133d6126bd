package flow

import (
	"context"

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

func loginNodes(_ *Engine, _ *Flow, nodes []Node) ([]Node, error) {
	return nodes, nil
}

// finishLogin starts a session for a proved identity, or refreshes the one that the flow was begun for.
func finishLogin(ctx context.Context, e *Engine, f *Flow, in Input, o Outcome) (*Result, error) {
	proved := o.(Proved)
	if proved.Identity.State != identity.Active {
		return nil, session.ErrIdentityInactive
	}
	if in.Current != nil {
		return finishRefresh(ctx, e, f, in, proved)
	}
	var s *session.Session
	var token session.Secret
	start := func(ctx context.Context) (err error) {
		s, token, err = e.Sessions.Start(ctx, session.Proof{Identity: proved.Identity, Methods: []session.MethodUse{proved.Use}, Device: in.Device, Carrier: f.Type.Carrier()})
		return err
	}
	if e.Rules[Login].RevokeOthers {
		alone := start
		start = func(ctx context.Context) error {
			return e.Store.Atomic(ctx, func(ctx context.Context) error {
				if _, err := e.Sessions.RevokeOwn(ctx, proved.Identity.ID); err != nil {
					return err
				}
				return alone(ctx)
			})
		}
	}
	if err := start(ctx); err != nil {
		return nil, err
	}
	return &Result{Identity: proved.Identity, Session: s, Token: token, Started: true}, nil
}

// finishRefresh lets somebody who is signed in authenticate again. Only the same person may: anybody else would take
// over, or mix, two people's sessions.
func finishRefresh(ctx context.Context, e *Engine, f *Flow, in Input, proved Proved) (*Result, error) {
	if proved.Identity.ID != in.Current.IdentityID {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{FailedCredentials}})
	}
	s, err := e.Sessions.Refresh(ctx, in.Current, proved.Use, in.Device)
	if err != nil {
		return nil, err
	}
	return &Result{Identity: proved.Identity, Session: s}, nil
}
