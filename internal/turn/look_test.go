package turn

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// On one processor, a goroutine that gives way all the time keeps what has arrived from being noticed, until somebody looks.
func TestLookLetsTheNetworkInBeforeWhoeverGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var noticed atomic.Bool
	var all sync.WaitGroup
	send := expecting(t, &all, func() { noticed.Store(true) })
	send()
	Look()
	const few = 10
	for range few {
		runtime.Gosched()
	}
	if !noticed.Load() {
		t.Errorf("what had arrived was not noticed, although %d turns have passed", few)
	}
	all.Wait()
}
