package store

import (
	"context"
	"testing"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// confirming counts how often it is asked whether what was read is certain.
type confirming struct {
	engine
	asked int
}

func (c *confirming) confirm(ctx context.Context) error {
	c.asked++
	return c.engine.confirm(ctx)
}

// What is called done because it was there may be seen although a standby that takes over does not know of it, so that is waited
// for; a change that is made now is waited for by its commit.
func TestWhatWasThereIsConfirmedBeforeItIsCalledDone(t *testing.T) {
	onEach(t, func(f fixture) {
		counting := &confirming{engine: f.engine}
		f.engine = counting
		people := &identity.Manager{Store: f.Store, Now: func() time.Time { return now }}
		i, k, v := f.someone(), func() *admin.Key { k, _ := f.keyed("backend", time.Time{}); return k }(), admin.Visit{ID: session.NewID().String(), Expires: now.Add(time.Hour)}
		c := f.signIn(i)
		for name, end := range map[string]func(context.Context) error{
			"a key":     func(ctx context.Context) error { return f.RevokeAdminKey(ctx, k.ID, now, "root") },
			"a visit":   func(ctx context.Context) error { return f.EndVisit(ctx, v, now) },
			"a person":  func(ctx context.Context) error { return people.SetState(ctx, i.ID, identity.Inactive) },
			"a session": func(ctx context.Context) error { return endings["end by id"](ctx, f.Store, c) },
			"a token":   func(ctx context.Context) error { return endings["logout"](ctx, f.Store, c) },
		} {
			c = f.signIn(f.someone())
			counting.asked = 0
			if f.ok(end(f.ctx)); counting.asked != 0 {
				f.t.Errorf("%s: the first time it was asked %d times whether that is certain", name, counting.asked)
			}
			if f.ok(end(f.ctx)); counting.asked != 1 {
				f.t.Errorf("%s: the second time it was asked %d times whether that is certain", name, counting.asked)
			}
			if f.ok(f.Atomic(f.ctx, end)); counting.asked != 1 {
				f.t.Errorf("%s: it was asked inside a transaction, which has a commit of its own", name)
			}
		}
	})
}
