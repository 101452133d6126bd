// Package fault holds the failures that a caller may see.
//
// An [Error] says what sort of failure it is (its [Kind]), names it for programs (its ID) and explains it to people
// (its Reason). What went wrong underneath stays in the cause, which only the log reads.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind is the sort of a failure. The wire package maps each kind to an HTTP status.
type Kind int

// The kinds, from "the caller's mistake" to "our trouble".
const (
	Internal         Kind = iota // something that should not happen; nothing about it is told
	Invalid                      // the request is malformed or breaks a rule
	Unauthenticated              // no credential that counts
	Forbidden                    // the credential does not allow this
	NotFound                     // there is no such thing
	MethodNotAllowed             // the path exists, the method does not
	Conflict                     // another object already holds a unique value
	Outdated                     // the request is meant for a state that has passed
	Gone                         // it existed and has expired
	Unprocessable                // it is understood, and has to be continued elsewhere
	TooLarge                     // the body is over the limit
	HeadersTooLarge              // the header lines are over the limit
	Busy                         // a bound is reached; try again later
	Unavailable                  // a dependency is down; try again later
)

// Error is a failure that a caller may see. Errors are values: the With methods return changed copies, so a package
// variable can be refined for one request without touching the original.
type Error struct {
	Kind   Kind
	ID     string // stable, for programs; never empty on the wire
	Reason string // one sentence, for people

	Message    string         // replaces the general sentence of the kind, where clients expect a certain one
	Details    map[string]any // more about this failure, inside the error object
	Siblings   map[string]any // values that clients expect beside the error object
	RetryAfter time.Duration  // when trying again makes sense; zero says nothing

	cause error
}

// New makes an error; it is meant for package variables as much as for single use.
func New(kind Kind, id, reason string) *Error {
	return &Error{Kind: kind, ID: id, Reason: reason}
}

// Invalidf makes an [Invalid] error with a formatted reason. Arguments end up in the answer: pass nothing secret.
func Invalidf(id, format string, args ...any) *Error {
	return New(Invalid, id, fmt.Sprintf(format, args...))
}

// Error describes the failure for the log, cause included.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.ID + ": " + e.Reason + ": " + e.cause.Error()
	}
	return e.ID + ": " + e.Reason
}

// Unwrap returns the cause, which only the log may read.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the same failure: two errors are equal when kind and ID are.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.ID == e.ID
}

// Because returns a copy that keeps cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Saying returns a copy with another reason.
func (e *Error) Saying(format string, args ...any) *Error {
	c := *e
	c.Reason = fmt.Sprintf(format, args...)
	return &c
}

// With returns a copy with a value that stands beside the error object.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Siblings = maps.Clone(e.Siblings)
	if c.Siblings == nil {
		c.Siblings = map[string]any{}
	}
	c.Siblings[key] = value
	return &c
}

// WithDetail returns a copy with a value inside the error object's details.
func (e *Error) WithDetail(key string, value any) *Error {
	c := *e
	c.Details = maps.Clone(e.Details)
	if c.Details == nil {
		c.Details = map[string]any{}
	}
	c.Details[key] = value
	return &c
}

// ErrInternal is what callers see of a failure that is not theirs to see.
var ErrInternal = New(Internal, "internal_error", "Something went wrong on our side. The request id leads to the details in the log.")

// ErrUnavailable means that the store, or another dependency, cannot be reached. Nothing is known about the request's
// effect beyond what its operation promises; trying again is right.
var ErrUnavailable = &Error{
	Kind: Unavailable, ID: "store_unavailable", RetryAfter: 2 * time.Second,
	Reason: "The session store cannot be reached at the moment. Please try again in a few seconds.",
}

// From finds the [Error] in err. An error that holds none becomes [ErrInternal] with err as its cause; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, plain := err.(*Error); plain { // as nearly all are: looking into chains takes twenty times as long
		return e
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return ErrInternal.Because(err)
}
