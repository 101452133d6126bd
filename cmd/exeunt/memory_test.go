package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
)

func TestGarbageStaysWithinTheBoundUnlessNothingIsLeft(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct {
		heap  heap
		bound uint64
		want  int
	}{
		{heap{}, 200 * mib, 10000}, {heap{2 * mib, 3 * mib}, 200 * mib, 2000}, {heap{5 * mib, 0}, 200 * mib, 2000}, {heap{10 * mib, 0}, 200 * mib, 1000},
		{heap{100 * mib, 0}, 200 * mib, 100}, {heap{150 * mib, 0}, 200 * mib, 33}, {heap{150 * mib, 50 * mib}, 200 * mib, 25}, {heap{160 * mib, 0}, 200 * mib, 25},
		{heap{190 * mib, 0}, 200 * mib, 20}, {heap{300 * mib, 0}, 200 * mib, 20},
	} {
		if got := c.heap.garbage(c.bound); got != c.want {
			t.Errorf("%+v of %d MiB: %d %%, want %d", c.heap, c.bound/mib, got, c.want)
		}
	}
}

func TestNothingIsCalledAfterCollectionsOnceItIsOver(t *testing.T) {
	t.Parallel()
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
