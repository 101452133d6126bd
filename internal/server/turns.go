package server

import (
	"context"
	"net/http"
	"os"
	"syscall"
	"time"
)

// turns has what takes a while make way for checks of sessions, which are answered at once.
//
// Go's scheduler looks at the network when no goroutine is left to run, or every ten milliseconds. When hundreds want to
// sign in at the same moment, all of them would run before anybody's check is even noticed. So whoever takes a while waits
// for something that comes by the network itself: a byte in a pipe, which is found together with all requests that have
// arrived meanwhile, and after they were answered. It is safe for concurrent use; a nil one has nobody wait.
type turns struct {
	one  chan struct{} // is full while somebody waits for the byte
	from syscall.RawConn
	to   *os.File

	every  time.Duration // how long requests that take a while may go on beginning without a look
	looked time.Time     // belongs to whoever fills one
}

// lookEvery is as short that nobody's check notices, and as long that those who sign in at the same moment still share a
// commit.
const lookEvery = time.Millisecond

// newTurns returns nil where the system gives no pipe.
func newTurns() *turns {
	from, to, err := os.Pipe()
	if err != nil {
		return nil
	}
	raw, err := from.SyscallConn()
	if err != nil {
		return nil
	}
	return &turns{one: make(chan struct{}, 1), from: raw, to: to, every: lookEvery}
}

// wait returns when what had arrived by the last look has been seen to, and everybody who waited before has had a turn; or
// when ctx ends, whichever is first. With nothing else to do that takes some microseconds.
func (t *turns) wait(ctx context.Context) {
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
func (t *turns) look() {
	sent := false
	_ = t.from.Read(func(fd uintptr) bool {
		var b [1]byte
		if !sent {
			sent = true
			_, err := t.to.Write(b[:])
			return err != nil // nothing will come then
		}
		n, _ := syscall.Read(int(fd), b[:])
		return n > 0
	})
}

// inTurn wraps what takes a while and is asked for by people who wait for it anyway.
func (s *Server) inTurn(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		s.turns.wait(r.Context())
		return h(w, r)
	}
}
