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

	firstGarbage = 1000 // percent of what lives that may become garbage, before anything was collected
	leastGarbage = 20   // a full heap is collected often, but not all the time
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
		percent := firstGarbage
		debug.SetGCPercent(percent)
		afterEachCollection(ctx, func() {
			next := readHeap().garbage(max(bound-min(bound, reserve+outside()), bound/16))
			if next*10 < percent*9 || next*10 > percent*11 { // setting it stops the program for a moment
				percent = next
				debug.SetGCPercent(percent)
			}
		})
	}
}

// heap is what the last collection has left, and what it had to look at beside that, both in bytes.
type heap struct{ live, roots uint64 }

func readHeap() heap {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	metrics.Read(samples)
	return heap{samples[0].Value.Uint64(), samples[1].Value.Uint64() + samples[2].Value.Uint64()}
}

// garbage is how much may be added to what lives within a bound in bytes, in percent as Go counts them: of the heap and its
// roots. It is never more than a part of the bound, as what a peak has taken is given back slowly, but always that part of it
// that is left: the slowest answers are those that meet a collection, so a small heap is collected no more often than a large
// one.
func (h heap) garbage(bound uint64) int {
	left := uint64(0)
	if bound > h.live {
		left = min(bound-h.live, bound/2)
	}
	return int(max(left*100/max(h.live+h.roots, 1<<20), leastGarbage))
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
