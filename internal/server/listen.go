package server

import (
	"net"
	"sync"
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
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		return raw, nil
	}
	c := &patientConn{TCPConn: tcp, watch: w}
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
// that is how the HTTP library interrupts a read.
type patientConn struct {
	*net.TCPConn
	watch *watch

	mu    sync.Mutex
	read  due
	write due
}

// due is one deadline.
type due struct {
	set   bool
	after time.Duration // of the watch's beginning
	armed bool          // the connection itself has been told that it is over
}

// SetReadDeadline implements net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read.move(t, c.watch.begun, c.TCPConn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write.move(t, c.watch.begun, c.TCPConn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.watch.mu.Lock()
	delete(c.watch.open, c)
	c.watch.mu.Unlock()
	return c.TCPConn.Close()
}

// move sets a deadline, or takes it away for the zero time. One before the watch began can only mean "at once".
func (d *due) move(t, begun time.Time, tell func(time.Time) error) error {
	d.set, d.after = !t.IsZero(), t.Sub(begun)
	switch {
	case d.set && d.after < 0:
		d.armed = true
		return tell(t)
	case d.armed:
		d.armed = false
		return tell(time.Time{})
	}
	return nil
}

// cutOff interrupts what is overdue so long after the watch began.
func (c *patientConn) cutOff(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.read.expire(now, c.TCPConn.SetReadDeadline) // it fails for a closed connection alone
	_ = c.write.expire(now, c.TCPConn.SetWriteDeadline)
}

func (d *due) expire(now time.Duration, tell func(time.Time) error) error {
	if !d.set || d.after > now || d.armed {
		return nil
	}
	d.armed = true
	return tell(time.Unix(1, 0))
}
