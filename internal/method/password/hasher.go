package password

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"exeunt/internal/fault"
)

// maxPassword is how many bytes of a password are looked at, whatever the algorithm.
const maxPassword = 1024

// ErrTooLong means that the configured algorithm cannot hash so long a password. [Policy.MaxLength] finds it earlier.
var ErrTooLong = fault.New(fault.Invalid, "password_too_long", "The password is too long.")

// Hasher makes and verifies password hashes. All its methods may be called from many goroutines: they share one bound
// on memory and processors, and wait for their turn.
type Hasher struct {
	// Workers compute what takes long; nil for nobody but this process. It is set before the first use.
	Workers *Workers

	params Params
	gate   *gate
	dummy  digest // that no password fits, with the configured parameters

	observe func(digest) // for tests: called inside the gate before each computation
}

// NewHasher makes a hasher, or says what is wrong with the parameters.
func NewHasher(p Params) (*Hasher, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("hashing parameters: %w", err)
	}
	dummy, err := parse(p.decoy())
	if err != nil {
		return nil, fmt.Errorf("trying the hashing parameters: %w", err)
	}
	return &Hasher{params: p, dummy: dummy, gate: newGate(p.DedicatedMemory, cmp.Or(p.AtOnce, runtime.GOMAXPROCS(0))), observe: func(digest) {}}, nil
}

// MaxLength returns the length in bytes of the longest password that Hash takes: 72 with bcrypt, otherwise 1024.
func (h *Hasher) MaxLength() int { return h.params.maxLength() }

// Hash returns what to store for password: a PHC string ($argon2id$v=19$m=,t=,p=$salt$key) or a bcrypt hash ($2a$).
// It returns [ErrTooLong] over MaxLength, [ErrBusy] when too many wait, and the context's error when waiting took too
// long.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	if len(password) > h.MaxLength() {
		return "", ErrTooLong.Saying("The password must be at most %d bytes long.", h.MaxLength())
	}
	err = h.compute(ctx, h.dummy, func() (err error) {
		o, err := h.do(h.dummy, task{Password: password, Params: h.params})
		if err == nil && o.Problem != "" {
			err = errors.New(o.Problem)
		}
		hash = o.Hash
		return err
	})
	return hash, err
}

// Verify reports whether password is the one behind hash, which may be of any format that [CheckImported] takes. A
// match is stale when the hash was made with another algorithm or other parameters than the configured ones; the
// caller should store a new one from Hash. A malformed hash matches nothing, and neither does a password over 1024 bytes.
//
// The caller passes an empty hash when the user does not exist or has no password. Every call without a match computes
// exactly one hash with the configured parameters (a match that is stale leaves that to the caller's Hash), so its
// duration does not tell whether the user exists. It returns [ErrBusy] or the context's error when it could not find out.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (match, stale bool, err error) {
	stored, err := parse(hash)
	if err != nil || affordable(stored.costs) != nil || len(password) > maxPassword {
		return false, false, h.idle(ctx, password)
	}
	foreign := stored.settings != h.dummy.settings
	match, err = h.try(ctx, stored, password)
	if err == nil && !match && foreign {
		err = h.idle(ctx, password)
	}
	if err != nil || !match {
		return false, false, err
	}
	// A password that the configured algorithm cannot hash keeps the hash it has.
	return true, foreign && len(password) <= h.MaxLength(), nil
}

// try checks the password against one hash, within the gate.
func (h *Hasher) try(ctx context.Context, d digest, password string) (match bool, err error) {
	err = h.compute(ctx, d, func() error {
		o, err := h.do(d, task{Password: password, Hash: d.text})
		match = o.Match
		return err
	})
	return match, err
}

// idle takes as long as checking a password takes.
func (h *Hasher) idle(ctx context.Context, password string) error {
	_, err := h.try(ctx, h.dummy, password[:min(len(password), maxPassword)])
	return err
}

// light is the memory of a computation that is over sooner than it is handed to somebody else.
const light = 1 << 20

// do carries out a task that takes as much as a digest does.
func (h *Hasher) do(d digest, t task) (outcome, error) {
	if h.Workers != nil && !(d.memory > 0 && d.memory <= light) {
		o, err := h.Workers.do(t)
		if !errors.Is(err, errNoWorker) {
			return o, err
		}
	}
	return t.do(), nil
}

// compute does the work of one hash like d when there is room for it.
func (h *Hasher) compute(ctx context.Context, d digest, work func() error) error {
	leave, err := h.gate.enter(ctx, d.memory)
	if err != nil {
		return err
	}
	defer leave()
	h.observe(d)
	return work()
}
