package main

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
)

// On one processor, what arrives while garbage is swept is noticed before all of it was.
func TestTheNetworkIsLookedAtWhileGarbageIsSwept(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, over := context.WithCancel(t.Context())
	defer over()
	litter()
	var noticed atomic.Int64
	read := make(chan struct{})
	go func() {
		defer close(read)
		for one := make([]byte, 1); ; noticed.Add(1) {
			if _, err := from.Read(one); err != nil {
				return
			}
		}
	}()
	var sent atomic.Int64
	afterEachCollection(ctx, func() {
		sent.Add(1)
		_, _ = to.Write([]byte{1})
	})
	lookWhileSweeping(ctx)
	runtime.GC() // ends when all is swept
	if n := sent.Load(); n == 0 || noticed.Load() != n {
		t.Errorf("of %d that arrived %d were noticed", n, noticed.Load())
	}
	over()
	_ = to.Close()
	<-read
	_ = from.Close()
}

// litter leaves garbage of many pages.
func litter() {
	all := make([]*[64]byte, 1<<20)
	for i := range all {
		all[i] = new([64]byte)
	}
	runtime.KeepAlive(all)
}
