package main

import (
	"context"
	"runtime"
	"time"

	"exeunt/internal/turn"
)

const (
	sweepingTime = 50 * time.Millisecond // enough for as much garbage as the bound allows by default
	betweenLooks = 100 * time.Microsecond
)

// lookWhileSweeping has the network looked at after each collection of garbage, until ctx ends. What was found to be garbage
// is then swept by a goroutine that gives way to all who are known to want to run. On one processor that keeps others from
// becoming known: Go looks at the network when nobody wants to run, or every ten milliseconds, and requests went unnoticed
// for that long. With more processors, one that is idle looks.
func lookWhileSweeping(ctx context.Context) {
	collected := make(chan struct{}, 1)
	afterEachCollection(ctx, func() {
		select {
		case collected <- struct{}{}:
		default: // it is being looked at
		}
	})
	go func() {
		for {
			select {
			case <-collected:
			case <-ctx.Done():
				return
			}
			for begun := time.Now(); time.Since(begun) < sweepingTime && runtime.GOMAXPROCS(0) == 1; time.Sleep(betweenLooks) {
				turn.Look()
			}
		}
	}()
}
