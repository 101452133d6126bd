package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"exeunt/internal/config"
)

const (
	leastMemory = 64 << 20 // bytes for everything but password hashing
	reserve     = 56 << 20 // bytes that are not on the heap of Go: pages of SQLite, stacks, the program itself

	mostGarbage  = 1000 // percent of what lives: a small heap is collected seldom, as the slowest answers are those that meet it
	leastGarbage = 20   // a full one is collected often, but not all the time
)

// limitMemory lets the program use what it was given, and no more: after each collection, what may become garbage before
// the next is what is left below the bound, beside what is kept outside the heap, until ctx ends. Password hashing has memory
// of its own. Who sets GOGC or GOMEMLIMIT knows better.
func limitMemory(ctx context.Context, c *config.Config, outside func() uint64) {
	bound := max(c.Session.CacheMaxBytes, leastMemory)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(bound + c.Hashers.Argon2.DedicatedMemory))
	}
	if os.Getenv("GOGC") == "" {
		percent := mostGarbage
		debug.SetGCPercent(percent)
		afterEachCollection(ctx, func() {
			next := garbage(liveHeap(), max(bound-min(bound, reserve+outside()), bound/16))
			if next*10 < percent*9 || next*10 > percent*11 { // setting it stops the program for a moment
				percent = next
				debug.SetGCPercent(percent)
			}
		})
	}
}

// garbage is how many percent of what lives may be added to it within a bound, both in bytes: never more than a part of the
// bound, as what a peak has taken is given back slowly.
func garbage(live, bound uint64) int {
	if live == 0 {
		return mostGarbage
	}
	left := uint64(0)
	if bound > live {
		left = min(bound-live, bound*3/8)
	}
	return int(min(max(left*100/live, leastGarbage), mostGarbage))
}

// liveHeap is how many bytes the last collection has left.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// afterEachCollection calls do, on a goroutine of the runtime, each time garbage was collected, until ctx ends.
func afterEachCollection(ctx context.Context, do func()) {
	runtime.SetFinalizer(&struct{ _ [16]byte }{}, func(any) {
		if ctx.Err() == nil {
			do()
			afterEachCollection(ctx, do)
		}
	})
}
