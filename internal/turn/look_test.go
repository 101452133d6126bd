package turn

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// On one processor, a goroutine that gives way all the time keeps what has arrived from being noticed, until somebody looks.
func TestLookLetsTheNetworkInBeforeWhoeverGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	var noticed atomic.Bool
	var all sync.WaitGroup
	reading := make(chan struct{})
	all.Go(func() {
		close(reading)
		if _, err := from.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		noticed.Store(true)
	})
	<-reading
	for range 1000 {
		runtime.Gosched() // it waits for the byte by now
	}
	if _, err := to.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
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
