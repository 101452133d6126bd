package flow

import (
	"context"
	"errors"
	"slices"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// mayBeginSettings lets in whoever is signed in as strongly as the rules ask for.
func mayBeginSettings(e *Engine, f *Flow, current *session.Session) error {
	if current == nil {
		return session.ErrNone
	}
	f.IdentityID, f.IdentitySchema = current.IdentityID, current.Identity.SchemaID
	return e.Owned(f, current)
}

// Owned reports whether a session may see and change a settings flow: it is that of its owner, and strong enough.
func (e *Engine) Owned(f *Flow, current *session.Session) error {
	switch {
	case current == nil:
		return session.ErrNone
	case f.IdentityID != current.IdentityID:
		return ErrNotOwner
	case e.Rules[Settings].RequiredAAL != session.OneFactor && current.AAL < current.Identity.AvailableAAL:
		return session.ErrAALTooLow
	}
	return nil
}

// settingsGroups is the order of the sections of the form.
var settingsGroups = []string{DefaultGroup, ProfileGroup, PasswordGroup, LookupGroup, TOTPGroup}

func settingsNodes(_ *Engine, _ *Flow, nodes []Node) ([]Node, error) {
	slices.SortStableFunc(nodes, func(a, b Node) int {
		return slices.Index(settingsGroups, a.Group) - slices.Index(settingsGroups, b.Group)
	})
	return nodes, nil
}

// recent refuses a change that needs a session that has authenticated a short time ago. By a token that was replaced
// nobody has: it is what somebody else may have known before its holder authenticated.
func (e *Engine) recent(ctx context.Context, m Method, f *Flow, in Input) error {
	g, ok := m.(Guarded)
	if !ok || f.Kind != Settings {
		return nil
	}
	needed, err := g.Privileged(ctx, f, in)
	old := in.Current.TokenUntil != nil || e.now().Sub(in.Current.AuthenticatedAt) > e.Rules[Settings].PrivilegedAge
	if err == nil && needed && old {
		return ErrRefresh
	}
	return err
}

// finishSettings writes the identity. When a way to sign in has changed, whoever signed in elsewhere with the old ones has
// to sign in again, and the session at hand gets a new token, all at once or not at all.
func finishSettings(ctx context.Context, e *Engine, f *Flow, in Input, o Outcome) (*Result, error) {
	changed := o.(Changed)
	r := &Result{Identity: changed.Identity, Flow: f}
	err := e.Store.Atomic(ctx, func(ctx context.Context) error {
		if err := e.Identities.UpdateIdentity(ctx, changed.Identity, changed.Version, changed.Identity.ID.String()); err != nil {
			return err
		}
		now, err := e.Sessions.Live(ctx, in.Current)
		if err != nil { // it has ended meanwhile
			return err
		}
		r.Session, r.Replaced = now, now.Rotation != in.Current.Rotation || in.Current.TokenUntil != nil
		if changed.Credential {
			if err := e.outdate(ctx, f, in, changed, r); err != nil {
				return err
			}
		}
		return e.succeed(ctx, f, in, changed, r)
	})
	if errors.Is(err, identity.ErrTaken) {
		return nil, e.Reject(ctx, f, Again{Messages: []Message{FailedTaken}})
	}
	return r, err
}

// succeed says so in the form. That belongs to the change: a session whose new token got lost with its answer would be lost, too.
func (e *Engine) succeed(ctx context.Context, f *Flow, in Input, changed Changed, r *Result) error {
	r.Session = r.Session.Of(changed.Identity)
	f.State, f.Messages, f.Faults, f.Answers, f.UpdatedAt = Succeeded, []Message{saved}, nil, nil, e.now()
	if r.Ended > 0 {
		f.Messages = append(f.Messages, othersEnded(r.Ended))
	}
	if err := e.prepare(f, in.Current); err != nil {
		return err
	}
	return e.Store.UpdateFlow(ctx, f)
}

// outdate ends the other sessions, and renews the token of this one. A native client learns of a new token from this
// answer alone, and one that was written for another server may not look; so it gets one only with a new level.
func (e *Engine) outdate(ctx context.Context, f *Flow, in Input, changed Changed, r *Result) (err error) {
	if e.Rules[Settings].RevokeOthers[f.Active] {
		if r.Ended, err = e.Sessions.OutdateOthers(ctx, in.Current); err != nil {
			return err
		}
	}
	if in.Carrier == session.InHeader && changed.Use.Method == "" {
		return nil
	}
	r.Session, r.Token, err = e.Sessions.Refresh(ctx, r.Session, session.Renewal{Use: changed.Use, Device: in.Device,
		Carrier: in.Carrier, Token: in.Token, Reason: string(session.CredentialChanged)})
	return err
}
