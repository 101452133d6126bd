package server

import (
	"net"
	"os"
	"sync/atomic"
	"time"
)

// The time-outs of connections cost next to nothing: each request moves four of them, and one look at all connections each
// second finds those that are overdue. A client is cut off up to a second late. A deadline that has passed already works at
// once: that is how the HTTP library interrupts a read, after every request. The connection of the system is told only where
// a read or write is under way.

// due is one deadline, of what may be under way.
type due struct {
	at      atomic.Int64 // of elapsed time, or one of the values below
	running atomic.Int32 // what is under way
}

const (
	noDeadline = 0
	passed     = -1
	told       = -2 // and the connection of the system has been told so
)

// tell sets a deadline of a connection of the system.
type tell func(net.Conn, time.Time) error

// Read implements net.Conn.
func (c *connection) Read(b []byte) (n int, err error) {
	err = c.read.begin()
	if err == nil {
		n, err = c.Conn.Read(b)
	}
	c.read.done()
	return n, err
}

// Write implements net.Conn.
func (c *connection) Write(b []byte) (n int, err error) {
	err = c.write.begin()
	if err == nil {
		n, err = c.Conn.Write(b)
	}
	c.write.done()
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(t time.Time) error {
	return c.move(&c.read, t, net.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(t time.Time) error {
	return c.move(&c.write, t, net.Conn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *connection) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
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

// move sets a deadline, or takes it away for the zero time. One before the process began can only mean "at once".
func (c *connection) move(d *due, t time.Time, say tell) error {
	next := int64(noDeadline)
	if !t.IsZero() {
		if next = int64(t.Sub(began)); next <= noDeadline {
			next = passed
		}
	}
	for {
		switch was := d.at.Load(); {
		case was == told && next == passed:
			return nil
		case was == told:
			if done, err := c.disarm(d, next, say); done || err != nil {
				return err
			}
		case d.at.CompareAndSwap(was, next):
			if next == passed {
				return c.interrupt(d, say)
			}
			return nil
		}
	}
}

// disarm sets a deadline where the connection was told of the one before, and takes that back. It reports false where
// somebody else did meanwhile.
func (c *connection) disarm(d *due, next int64, say tell) (done bool, err error) {
	c.telling.Lock()
	defer c.telling.Unlock()
	if d.at.Load() != told {
		return false, nil
	}
	if err := say(c.Conn, time.Time{}); err != nil {
		return false, err
	}
	d.at.Store(next) // who leaves this value, or comes to it, has the lock
	return true, nil
}

// interrupt tells the connection that a deadline has passed, if something is under way and it still has by then.
func (c *connection) interrupt(d *due, say tell) error {
	if d.running.Load() == 0 {
		return nil
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	if !d.at.CompareAndSwap(passed, told) {
		return nil
	}
	return say(c.Conn, time.Unix(1, 0))
}

// cutOff interrupts what is overdue at a moment of elapsed time.
func (c *connection) cutOff(now time.Duration) {
	_ = c.expire(&c.read, now, net.Conn.SetReadDeadline) // it fails for a closed connection alone
	_ = c.expire(&c.write, now, net.Conn.SetWriteDeadline)
}

func (c *connection) expire(d *due, now time.Duration, say tell) error {
	at := d.at.Load()
	if at == noDeadline || at > int64(now) || at > noDeadline && !d.at.CompareAndSwap(at, passed) {
		return nil
	}
	return c.interrupt(d, say)
}
