package turn

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// expecting starts somebody who waits for something to arrive by the network, and returns what sends it. It is for one processor.
func expecting(t *testing.T, all *sync.WaitGroup, noticed func()) (send func()) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = from.Close(), to.Close() })
	all.Go(func() {
		if _, err := from.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		noticed()
	})
	for range 1000 {
		runtime.Gosched() // it waits by now
	}
	return func() {
		if _, err := to.Write([]byte{1}); err != nil {
			t.Error(err)
		}
	}
}

// On one processor, what has arrived by the network is noticed while others still wait to begin.
func TestTurnsLetTheNetworkIn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const others = 50
	var begun, noticed atomic.Int64
	noticed.Store(others)
	var all sync.WaitGroup
	send := expecting(t, &all, func() { noticed.Store(begun.Load()) })

	turns := New(0)
	for range others {
		all.Go(func() {
			turns.Wait(context.Background())
			begun.Add(1)
		})
	}
	send()
	all.Wait()
	if n := noticed.Load(); n > others/2 {
		t.Errorf("what arrived first was noticed after %d of %d had begun", n, others)
	}
}

// Nobody waits for a turn that is no longer wanted, or where there are none.
func TestTurnsEnd(t *testing.T) {
	turns := New(0)
	turns.one <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	turns.Wait(ctx)
	<-turns.one
	turns.Wait(context.Background())

	turns = nil
	turns.Wait(context.Background())
}
