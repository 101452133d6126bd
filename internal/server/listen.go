package server

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Listen wraps a TCP listener so that the time-outs of its connections cost next to nothing: each request moves four
// of them, and one look at all connections each second finds those that are overdue. A client is cut off up to a second
// late. Connections that are open when the listener is closed are looked after until the last of them is gone.
func Listen(l net.Listener) net.Listener {
	w := &watch{Listener: l, begun: time.Now(), open: map[*patientConn]struct{}{}}
	go w.run()
	return w
}

// watch is a listener and its open connections.
type watch struct {
	net.Listener
	begun time.Time // deadlines count from here, so that setting the clock moves none of them

	mu     sync.Mutex
	open   map[*patientConn]struct{}
	closed bool
}

// Accept implements net.Listener.
func (w *watch) Accept() (net.Conn, error) {
	raw, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &patientConn{Conn: raw, watch: w}
	w.mu.Lock()
	w.open[c] = struct{}{}
	w.mu.Unlock()
	return c, nil
}

// Close implements net.Listener.
func (w *watch) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	return w.Listener.Close()
}

const watchEvery = time.Second

func (w *watch) run() {
	for tick := time.NewTicker(watchEvery); ; {
		now := <-tick.C
		w.mu.Lock()
		for c := range w.open {
			c.cutOff(now.Sub(w.begun))
		}
		done := w.closed && len(w.open) == 0
		w.mu.Unlock()
		if done {
			tick.Stop()
			return
		}
	}
}

// patientConn is a connection whose deadlines are kept by its watch. A deadline that has passed already works at once:
// that is how the HTTP library interrupts a read, after every request. The connection itself is told only where a read or
// write is under way.
type patientConn struct {
	net.Conn // of its other methods none reads or writes: those would not be under way
	watch    *watch
	read     due
	write    due
}

// due is one deadline, of what may be under way.
type due struct {
	running atomic.Int32 // what is under way
	at      atomic.Int64 // so long after the watch's beginning, or one of the values below

	mu sync.Mutex // held by whoever tells the connection something
}

const (
	noDeadline = 0
	passed     = -1
	told       = -2 // and the connection itself has been told so
)

// Read implements net.Conn.
func (c *patientConn) Read(b []byte) (n int, err error) {
	err = c.read.begin()
	if err == nil {
		n, err = c.Conn.Read(b)
	}
	c.read.done()
	return n, err
}

// Write implements net.Conn.
func (c *patientConn) Write(b []byte) (n int, err error) {
	err = c.write.begin()
	if err == nil {
		n, err = c.Conn.Write(b)
	}
	c.write.done()
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	return c.read.move(t, c.watch.begun, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	return c.write.move(t, c.watch.begun, c.Conn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// CloseWrite says that nothing more will be sent, where that can be said.
func (c *patientConn) CloseWrite() error { return closeWrite(c.Conn) }

// closeWrite is for the HTTP library, which then lets a client read an answer that it has not asked for in full.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.watch.mu.Lock()
	delete(c.watch.open, c)
	c.watch.mu.Unlock()
	return c.Conn.Close()
}

// begin notes that something is under way, unless its deadline has passed. Whoever says that it has looks afterwards what is
// under way, so one of the two sees the other.
func (d *due) begin() error {
	d.running.Add(1)
	if d.at.Load() < noDeadline {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (d *due) done() { d.running.Add(-1) }

// move sets a deadline, or takes it away for the zero time. One before the watch began can only mean "at once".
func (d *due) move(t, begun time.Time, tell func(time.Time) error) error {
	next := int64(noDeadline)
	if !t.IsZero() {
		if next = int64(t.Sub(begun)); next <= noDeadline {
			next = passed
		}
	}
	for {
		switch was := d.at.Load(); {
		case was == told && next == passed:
			return nil
		case was == told:
			if done, err := d.disarm(next, tell); done || err != nil {
				return err
			}
		case d.at.CompareAndSwap(was, next):
			if next == passed {
				return d.interrupt(tell)
			}
			return nil
		}
	}
}

// disarm sets a deadline of a connection that was told of the one before, and takes that back. It reports false where
// somebody else did meanwhile.
func (d *due) disarm(next int64, tell func(time.Time) error) (done bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.Load() != told {
		return false, nil
	}
	if err := tell(time.Time{}); err != nil {
		return false, err
	}
	d.at.Store(next) // who leaves this value, or comes to it, has the lock
	return true, nil
}

// interrupt tells the connection that its deadline has passed, if something is under way and it still has by then.
func (d *due) interrupt(tell func(time.Time) error) error {
	if d.running.Load() == 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.at.CompareAndSwap(passed, told) {
		return nil
	}
	return tell(time.Unix(1, 0))
}

// cutOff interrupts what is overdue so long after the watch began.
func (c *patientConn) cutOff(now time.Duration) {
	_ = c.read.expire(now, c.Conn.SetReadDeadline) // it fails for a closed connection alone
	_ = c.write.expire(now, c.Conn.SetWriteDeadline)
}

func (d *due) expire(now time.Duration, tell func(time.Time) error) error {
	at := d.at.Load()
	if at == noDeadline || at > int64(now) || at > noDeadline && !d.at.CompareAndSwap(at, passed) {
		return nil
	}
	return d.interrupt(tell)
}
