package password

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"exeunt/internal/fault"

	"golang.org/x/sync/semaphore"
)

// ErrBusy means that so many passwords wait to be hashed that another one would wait too long.
var ErrBusy = &fault.Error{
	Kind: fault.Busy, ID: "password_hashing_busy", RetryAfter: time.Second,
	Reason: "Too many passwords are being checked at the moment. Please try again in a few seconds.",
}

const (
	queuePerSlot = 64               // how many computations may wait for each one that can run
	patience     = 10 * time.Second // how long one waits; whoever would have to for longer has long tried again
)

// gate bounds the hashes that are computed at once, by memory and by number, and those that wait for it.
//
// One semaphore counts both: it holds the memory, and every computation takes at least one slot's share of it.
type gate struct {
	memory       *semaphore.Weighted
	total, share int64

	present atomic.Int64 // waiting or computing
	room    int64
}

// newGate makes a gate for slots computations that use memory bytes together; zero bytes mean 1 GiB. The memory is
// rounded up to a multiple of the slots, so that exactly so many shares fit.
func newGate(memory uint64, slots int) *gate {
	n := int64(slots)
	bytes := int64(min(cmp.Or(memory, 1<<30), math.MaxInt64/2))
	share := (bytes + n - 1) / n
	return &gate{memory: semaphore.NewWeighted(share * n), total: share * n, share: share, room: n * (queuePerSlot + 1)}
}

// enter waits, until ctx ends and for a few seconds at most, until a computation of so many bytes may run. The caller must call leave after it. A computation that
// needs more than there is takes everything, and so runs alone.
func (g *gate) enter(ctx context.Context, bytes uint64) (leave func(), err error) {
	if g.present.Add(1) > g.room {
		g.present.Add(-1)
		return nil, ErrBusy
	}
	weight := max(g.share, int64(min(bytes, uint64(g.total))))
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := g.memory.Acquire(waiting, weight); err != nil {
		g.present.Add(-1)
		if ctx.Err() == nil {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("waiting to hash a password: %w", ctx.Err())
	}
	return func() {
		g.memory.Release(weight)
		g.present.Add(-1)
	}, nil
}
