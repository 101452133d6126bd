// Package tries bounds how often the secrets of one person may be tried, by whomever: passwords and second factors, and
// whatever else can be guessed.
//
// Whoever is known to the person, because all factors were shown from the same browser or address before, has an allowance
// of their own. All others share one. So nobody is locked out by somebody else's tries, as long as they come from where
// they have been.
//
// An allowance is a number of failures that cost nothing; each further one doubles the time until the next try. Failures
// are counted in the store, for all nodes, and outlast restarts. A try that succeeds writes nothing.
package tries

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// Store counts failures. It is safe for concurrent use.
type Store interface {
	// FailedTries returns how many failures were counted against a subject, and when the last was; zero values for none.
	FailedTries(ctx context.Context, subject string) (n int, last time.Time, err error)

	// AddFailedTry counts one, less one for each span of forget since the last, up to [Most], and returns the outcome.
	AddFailedTry(ctx context.Context, subject string, now time.Time, forget time.Duration) (n int, last time.Time, err error)

	// KnownAddresses lists addresses from which the identity has lately signed in with all its factors.
	KnownAddresses(ctx context.Context, id identity.ID) ([]string, error)
}

// Most is the highest count of failures.
const Most = 40

// allowance says how many failures cost nothing, how long the next try has to wait then, and after which time each is
// forgotten.
type allowance struct {
	free           int
	first, longest time.Duration
	forget         time.Duration
}

var (
	ofPasswords = allowance{free: 8, first: time.Second, longest: 30 * time.Minute, forget: 30 * time.Minute}

	// A code has six digits, and whoever tries them knows the password.
	ofCodes = allowance{free: 5, first: 2 * time.Second, longest: 6 * time.Hour, forget: 6 * time.Hour}
)

// wait is how long after the last of n failures the next try may begin.
func (a allowance) wait(n int) time.Duration {
	if n < a.free {
		return 0
	}
	return min(a.first<<min(n-a.free, Most), a.longest)
}

// left is what remains of n failures some time after the last.
func (a allowance) left(n int, since time.Duration) int {
	return max(n-int(max(since, 0)/a.forget), 0)
}

// Guard implements flow.Tries. Its fields are set once.
type Guard struct {
	Store Store
	Key   []byte           // names of people are kept as hashes under it; the same on all nodes
	Now   func() time.Time // nil means time.Now

	mu         sync.Mutex
	young, old map[string]*here
}

// here is what this node knows of the tries of one subject. What other nodes know may be more.
type here struct {
	underWay int
	failures int
	last     time.Time // never in the future
	stored   time.Time // the same as the store has it: by the clock of the node that counted it, which may be ahead
}

// maxKept is when the older half of what this node knows is forgotten.
const maxKept = 50_000

// ErrTooMany means that the allowance is used up.
var ErrTooMany = &fault.Error{Kind: fault.Busy, ID: "too_many_attempts",
	Reason: "There were too many failed attempts for this account. Please wait a moment, or use a device that you have signed in with before."}

// Begin implements flow.Tries.
func (g *Guard) Begin(ctx context.Context, t flow.Try) (end func(wrong bool) error, err error) {
	a := ofCodes
	if t.Secret == string(identity.Password) {
		a = ofPasswords
	}
	if t.By.Known != nil && t.Identity != nil {
		if device := t.By.Known(t.Identity); device != "" {
			return g.admit(ctx, g.subject(t, "device "+device), a)
		}
	}
	end, err = g.admit(ctx, g.subject(t, ""), a)
	if !errors.Is(err, ErrTooMany) {
		return end, err
	}
	place, known, failed := g.known(ctx, t)
	switch {
	case failed != nil:
		return nil, failed
	case !known:
		return nil, err
	}
	return g.admit(ctx, g.subject(t, "place "+place), a)
}

// known reports whether the person has signed in from the client's address before, or from its network. For somebody who
// does not exist it asks as well, but there is nothing to read then.
func (g *Guard) known(ctx context.Context, t flow.Try) (place string, known bool, err error) {
	var id identity.ID // nobody's
	if t.Identity != nil {
		id = t.Identity.ID
	}
	all, err := g.Store.KnownAddresses(ctx, id)
	if err != nil {
		return "", false, err
	}
	place = network(t.By.Device.IP)
	known = slices.ContainsFunc(all, func(address string) bool { return network(address) == place })
	return place, known && place != "", nil
}

// network is [Network] of an address as it is stored.
func network(address string) string {
	a, _ := netip.ParseAddr(address) // what is no address has no network
	return Network(a)
}

// Network is what counts as one client: an address, or of IPv6, where a client owns it whole (RFC 6177), its /64. It is ""
// for the zero Addr.
func Network(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.String()
	}
	return a.String()
}

// subject is whose secret is tried, and by whom; without either in a readable form, as what is typed for a name may be a
// password.
func (g *Guard) subject(t flow.Try, by string) string {
	h := hmac.New(sha256.New, g.Key)
	for _, part := range []string{"tries", t.Secret, t.Whose, by} {
		hash := sha256.Sum256([]byte(part)) // of one length, so that parts cannot run into each other
		h.Write(hash[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
