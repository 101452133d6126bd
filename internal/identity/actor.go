package identity

import (
	"cmp"
	"context"
)

type actorKey struct{}

// AsAdmin is a context in which whatever changes is changed by an administrator: the name of a key, or [Admin].
func AsAdmin(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

// ActorIn is the administrator of a context, or "" when nobody has said that there is one.
func ActorIn(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// AdminIn is the administrator of a context in which only an administrator can act.
func AdminIn(ctx context.Context) string { return cmp.Or(ActorIn(ctx), Admin) }
