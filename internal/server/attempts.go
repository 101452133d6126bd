package server

import (
	"net/netip"
	"sync"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/tries"
)

// attempts bounds how often a client may fail, or begin a flow. Each, and each flow that is submitted, has a bucket that a
// failure empties by one and time fills again. It is safe for concurrent use, and forgets the longest untouched when it
// holds too many.
type attempts struct {
	perMinute int // zero for no bound
	refusal   *fault.Error
	now       func() time.Time

	mu        sync.Mutex
	young     map[string]*bucket
	old       map[string]*bucket
	keptYoung int
}

type bucket struct {
	tokens float64
	filled time.Time
}

// maxBuckets is when the older half is forgotten.
const maxBuckets = 50_000

func newAttempts(perMinute int, refusal *fault.Error, now func() time.Time) *attempts {
	return &attempts{perMinute: perMinute, refusal: refusal, now: now, young: map[string]*bucket{}, old: map[string]*bucket{}, keptYoung: maxBuckets}
}

// flowsPerAttempt is how many flows a client may begin for each attempt to sign in that may fail. Each is a row that stays
// for an hour, and takes nobody's account to make.
const flowsPerAttempt = 10

var errFlows = &fault.Error{Kind: fault.Busy, ID: "too_many_flows",
	Reason: "Too many forms were begun from this address. Please wait a moment and try again."}

var errAttempts = &fault.Error{Kind: fault.Busy, ID: "too_many_attempts",
	Reason: "There were too many failed attempts from this address or with this form. Please wait a moment and try again."}

// begin takes one attempt from each key, before the outcome is known, so that many at once cannot slip through. The
// caller gives it back when the attempt turns out not to be a failure.
func (a *attempts) begin(keys ...string) (giveBack func(), err error) {
	if a.perMinute == 0 {
		return func() {}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, key := range keys {
		b := a.bucket(key)
		if b.tokens < 1 {
			a.give(keys[:i])
			e := *a.refusal
			e.RetryAfter = time.Duration((1 - b.tokens) / float64(a.perMinute) * float64(time.Minute))
			return nil, &e
		}
		b.tokens--
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.give(keys)
	}, nil
}

func (a *attempts) give(keys []string) {
	for _, key := range keys {
		b := a.bucket(key)
		b.tokens = min(b.tokens+1, float64(a.perMinute))
		if b.tokens == float64(a.perMinute) { // as good as new, and so as good as none
			delete(a.young, key)
		}
	}
}

// bucket returns the filled bucket of a key. Two generations of buckets stand in for an order of use.
func (a *attempts) bucket(key string) *bucket {
	now := a.now()
	b, ok := a.young[key]
	if !ok {
		if b, ok = a.old[key]; !ok {
			b = &bucket{tokens: float64(a.perMinute), filled: now}
		}
		if len(a.young) >= a.keptYoung {
			a.old, a.young = a.young, map[string]*bucket{}
		}
		a.young[key] = b
	}
	b.tokens = min(b.tokens+now.Sub(b.filled).Minutes()*float64(a.perMinute), float64(a.perMinute))
	b.filled = now
	return b
}

// attemptKeys names what a submission is counted against: the flow, and the client. Whose secret is tried is counted by
// the methods, for all nodes; see flow.Tries.
func attemptKeys(f *flow.Flow, in flow.Input) []string {
	ip, _ := netip.ParseAddr(in.Device.IP) // nobody is held to account without one
	return append(clientKeys(ip), "flow "+f.ID.String())
}

// clientKeys is the key of a client that is held to account, or nothing. A client at a loopback or private address may be
// a proxy that nobody has declared, and so everybody; it is not.
func clientKeys(ip netip.Addr) []string {
	if !accountable(ip) {
		return nil
	}
	return []string{"client " + tries.Network(ip)}
}

// accountable reports whether an address is that of one client.
func accountable(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast()
}
