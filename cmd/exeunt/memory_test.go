package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestGarbageStaysWithinTheBoundUnlessNothingIsLeft(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live, bound uint64
		want        int
	}{{0, 200 * mib, 1000}, {5 * mib, 200 * mib, 1000}, {10 * mib, 200 * mib, 750}, {100 * mib, 200 * mib, 75}, {150 * mib, 200 * mib, 33}, {160 * mib, 200 * mib, 25}, {190 * mib, 200 * mib, 20}, {300 * mib, 200 * mib, 20}} {
		if got := garbage(c.live, c.bound); got != c.want {
			t.Errorf("%d MiB of %d: %d %%, want %d", c.live/mib, c.bound/mib, got, c.want)
		}
	}
}

func TestNothingIsCalledAfterCollectionsOnceItIsOver(t *testing.T) {
	ctx, over := context.WithCancel(t.Context())
	var calls atomic.Int64
	called := make(chan struct{}, 1)
	afterEachCollection(ctx, func() {
		calls.Add(1)
		select {
		case called <- struct{}{}:
		default:
		}
	})
	for done := false; !done; {
		runtime.GC()
		select {
		case <-called:
			done = calls.Load() > 2
		default:
		}
	}
	over()
	runtime.GC()
	before := calls.Load()
	for range 5 {
		runtime.GC()
	}
	if after := calls.Load(); after > before+1 { // one may have been under way
		t.Errorf("%d calls afterwards", after-before)
	}
}
