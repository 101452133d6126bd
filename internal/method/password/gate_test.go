package password

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd makes a hasher behind a gate whose computations wait until let go, and counts those that run.
func crowd(t *testing.T, memory uint64, slots int) (h *Hasher, running *atomic.Int64, letGo func()) {
	h, running = quick(t), new(atomic.Int64)
	h.gate = newGate(memory, slots)
	gone := make(chan struct{})
	h.observe = func(digest) {
		running.Add(1)
		<-gone
		running.Add(-1)
	}
	return h, running, func() { close(gone) }
}

func TestComputationsAtOnce(t *testing.T) {
	const one = 64 << 10 // what quickArgon2 takes
	for name, c := range map[string]struct {
		memory uint64
		slots  int
		want   int64
	}{
		"slots bound":                    {1 << 30, 3, 3},
		"memory bound":                   {2 * one, 8, 2},
		"memory that is not quite three": {3*one - 1<<10, 8, 2},
		"memory that does not divide":    {1<<20 + 1, 7, 7},
		"less memory than one needs":     {one / 2, 8, 1},
		"memory nearly nothing":          {1, 8, 1},
		"the default memory":             {0, 4, 4},
		"more memory than there can be":  {1<<64 - 1, 4, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			h, running, letGo := crowd(t, c.memory, c.slots)
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if _, err := h.Hash(t.Context(), goodPassword); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			synctest.Wait()
			if got := running.Load(); got != c.want {
				t.Errorf("%s: %d run at once, want %d", name, got, c.want)
			}
			letGo()
			all.Wait()
		})
	}
}

func TestImportedHashesShareTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, running, letGo := crowd(t, 1<<30, 2)
		var all sync.WaitGroup
		for _, v := range vectors {
			all.Go(func() { h.Verify(t.Context(), goodPassword, v.hash) })
		}
		synctest.Wait()
		if got := running.Load(); got != 2 {
			t.Errorf("%d run at once, want 2", got)
		}
		letGo()
		all.Wait()
	})
}

func TestFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, letGo := crowd(t, 1<<30, 2)
		var all sync.WaitGroup
		for range 2 + 2*queuePerSlot {
			all.Go(func() {
				if _, _, err := h.Verify(t.Context(), goodPassword, ""); err != nil {
					t.Errorf("waiting: %v", err)
				}
			})
		}
		synctest.Wait()
		if _, _, err := h.Verify(t.Context(), goodPassword, ""); !errors.Is(err, ErrBusy) {
			t.Errorf("Verify over the queue: %v", err)
		}
		if _, err := h.Hash(t.Context(), goodPassword); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash over the queue: %v", err)
		}
		letGo()
		all.Wait()
		if _, err := h.Hash(t.Context(), goodPassword); err != nil {
			t.Errorf("after the rush: %v", err)
		}
	})
}

func TestNobodyWaitsForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, running, letGo := crowd(t, 1<<30, 1)
		var first sync.WaitGroup
		first.Go(func() { h.Hash(t.Context(), goodPassword) })
		synctest.Wait()
		begun := time.Now()
		if _, _, err := h.Verify(t.Context(), goodPassword, ""); !errors.Is(err, ErrBusy) || time.Since(begun) != patience {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if n := h.gate.present.Load(); n != 1 || running.Load() != 1 {
			t.Errorf("%d are present", n)
		}
		letGo()
		first.Wait()
	})
}

// Whoever hangs up leaves the queue, so that others have the place.
func TestWhoHangsUpLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, letGo := crowd(t, 1<<30, 1)
		ctx, hangUp := context.WithCancel(t.Context())
		var first, waiting sync.WaitGroup
		first.Go(func() { h.Hash(t.Context(), goodPassword) })
		synctest.Wait()
		for range queuePerSlot {
			waiting.Go(func() { h.Verify(ctx, goodPassword, "") })
		}
		synctest.Wait()
		if _, err := h.Hash(t.Context(), goodPassword); !errors.Is(err, ErrBusy) {
			t.Errorf("over the queue: %v", err)
		}
		hangUp()
		waiting.Wait()
		if n := h.gate.present.Load(); n != 1 {
			t.Errorf("%d are present", n)
		}
		letGo()
		first.Wait()
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, letGo := crowd(t, 1<<30, 1)
		var first sync.WaitGroup
		first.Go(func() { h.Hash(t.Context(), goodPassword) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var second sync.WaitGroup
		second.Go(func() {
			if match, _, err := h.Verify(ctx, goodPassword, ""); match || !errors.Is(err, context.Canceled) {
				t.Errorf("Verify = %v, %v", match, err)
			}
		})
		synctest.Wait()
		cancel()
		second.Wait()
		letGo()
		first.Wait()
		if got := h.gate.present.Load(); got != 0 {
			t.Errorf("%d still count as present", got)
		}
	})
}
