package password

import (
	"cmp"
	"context"
	"fmt"
)

// Policy says which passwords are good enough. It is not changed after it was made, and may be used concurrently.
type Policy struct {
	MinLength       int       // bytes
	MaxLength       int       // bytes, see [Hasher.MaxLength]; zero means 1024
	SimilarityCheck bool      // refuse passwords that resemble an identifier
	Breaches        *Breaches // nil: do not ask
}

// Flaw is what is wrong with a password.
type Flaw int

// What can be wrong with a password.
const (
	TooShort Flaw = iota + 1
	TooLong
	Similar
	Breached
)

// Violation is the error of [Policy.Check]. It never holds the password.
type Violation struct {
	Kind     Flaw
	Limit    int // bytes, when too short or too long
	Actual   int // bytes, when too short or too long
	Breaches int // how often the password was found, when breached
}

// Error describes the violation for the log; what users read is made from the fields.
func (v *Violation) Error() string {
	switch v.Kind {
	case TooShort:
		return fmt.Sprintf("password has %d bytes, but must have at least %d", v.Actual, v.Limit)
	case TooLong:
		return fmt.Sprintf("password has %d bytes, but may have at most %d", v.Actual, v.Limit)
	case Similar:
		return "password resembles an identifier"
	}
	return fmt.Sprintf("password was found in %d breaches", v.Breaches)
}

// Check returns nil for a good password, and a [*Violation] for the first thing that is wrong with it. Other errors
// mean that no answer was found: the breach service failed and is not to be ignored ([ErrUpstream]), or ctx ended.
func (p *Policy) Check(ctx context.Context, password string, identifiers []string) error {
	limit := cmp.Or(p.MaxLength, maxPassword)
	switch n := len(password); {
	case n < p.MinLength:
		return &Violation{Kind: TooShort, Limit: p.MinLength, Actual: n}
	case n > limit:
		return &Violation{Kind: TooLong, Limit: limit, Actual: n}
	}
	for _, id := range identifiers {
		if p.SimilarityCheck && similar(id, password) {
			return &Violation{Kind: Similar}
		}
	}
	if p.Breaches == nil {
		return nil
	}
	return p.Breaches.check(ctx, password)
}
