// Package turn has work wait for what has arrived by the network.
//
// Go's scheduler looks at the network when no goroutine is left to run, or every ten milliseconds. When hundreds want to
// sign in at the same moment, all of them would run before anybody's check of a session is even noticed; and whoever
// commits for all that are there commits for few. So whoever should not be first waits for something that comes by the
// network itself: a byte in a pipe, which is found together with all requests that have arrived meanwhile, and after
// they were seen to.
package turn

import (
	"context"
	"os"
	"syscall"
	"time"
)

// Turns come one after the other. They are safe for concurrent use. With nil ones nobody waits.
type Turns struct {
	one  chan struct{} // is full while somebody waits for the byte
	from syscall.RawConn
	to   *os.File

	every  time.Duration
	looked time.Time // belongs to whoever fills one
}

// New makes turns between which the network is looked at, unless it was within the time before. It returns nil where the
// system gives no pipe.
func New(every time.Duration) *Turns {
	from, to, err := os.Pipe()
	if err != nil {
		return nil
	}
	raw, err := from.SyscallConn()
	if err != nil {
		return nil
	}
	return &Turns{one: make(chan struct{}, 1), from: raw, to: to, every: every}
}

// Wait returns when what had arrived by the last look has been seen to, and everybody who waited before has had a turn; or
// when ctx ends, whichever is first. With nothing else to do that takes some microseconds.
func (t *Turns) Wait(ctx context.Context) {
	if t == nil {
		return
	}
	select {
	case t.one <- struct{}{}:
		if time.Since(t.looked) >= t.every {
			t.look()
			t.looked = time.Now()
		}
		<-t.one
	case <-ctx.Done():
	}
}

// look sends a byte and waits until the poller has found it. Nobody may read it before that, so the first look at the
// pipe, in which it is sent, says that there is nothing yet.
func (t *Turns) look() {
	sent := false
	_ = t.from.Read(func(fd uintptr) bool {
		var b [1]byte
		if !sent {
			sent = true
			_, err := t.to.Write(b[:])
			return err != nil // nothing will come then
		}
		n, err := syscall.Read(int(fd), b[:])
		for err == syscall.EINTR {
			n, err = syscall.Read(int(fd), b[:])
		}
		return n > 0 || err != syscall.EAGAIN
	})
}
