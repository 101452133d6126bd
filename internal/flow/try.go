package flow

import (
	"context"

	"exeunt/internal/identity"
)

// Try is somebody's try of a secret that can be guessed.
type Try struct {
	Secret   string             // which of their secrets, such as the name of a method
	Whose    string             // who is tried: what was typed for a name, or an id
	Identity *identity.Identity // whose it is; nil where nobody has that name
	By       Input
}

// Tries bounds how often secrets may be tried, whichever of many nodes and clients they are tried through. It is safe for
// concurrent use.
type Tries interface {
	// Begin admits a try before it is known how it ends, or is a fault.Busy error that says when to come again. The caller
	// calls end once, with whether the secret was a wrong one; an error of end keeps the caller from telling.
	Begin(ctx context.Context, t Try) (end func(wrong bool) error, err error)
}

// Unbounded admits every try.
type Unbounded struct{}

// Begin implements Tries.
func (Unbounded) Begin(context.Context, Try) (func(bool) error, error) {
	return func(bool) error { return nil }, nil
}
