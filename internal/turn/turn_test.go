package turn

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// On one processor, what has arrived by the network is noticed while others still wait to begin.
func TestTurnsLetTheNetworkIn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	const others = 50
	var begun, noticed atomic.Int64
	noticed.Store(others)
	reading, all := make(chan struct{}), sync.WaitGroup{}
	all.Go(func() {
		close(reading)
		if _, err := from.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		noticed.Store(begun.Load())
	})
	<-reading
	runtime.Gosched() // it waits for the byte by now

	turns := New(0)
	for range others {
		all.Go(func() {
			turns.Wait(context.Background())
			begun.Add(1)
		})
	}
	if _, err := to.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
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
