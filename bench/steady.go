package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// steady runs operations of one request each at a steady rate until the time is up or next has no more. How long one took
// counts from when it was due, so that waiting for a free connection is part of it.
//
// One thread does all of it, and asks the kernel itself for what has arrived. With a goroutine for each connection, what
// was measured at low rates were the scheduler and the timers of this program.
func steady(address string, connections int, limit time.Duration, rate float64, next source) (measurement, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := newLine(address, connections, limit)
	if err != nil {
		return measurement{}, err
	}
	defer l.close()
	begun := time.Now()
	if err := l.run(begun, begun.Add(limit), time.Duration(float64(time.Second)/rate), next); err != nil {
		return measurement{}, err
	}
	return summary(l.took, time.Since(begun))
}

// line is a number of connections, each of which waits for an answer or is free.
type line struct {
	poll  int
	all   map[int32]*waiting
	free  []*waiting
	took  []time.Duration
	ready [64]unix.EpollEvent
}

// waiting is a connection with the request that it waits for.
type waiting struct {
	fd   int
	due  time.Time
	x    exchange
	have []byte // what has arrived of the answer
}

func newLine(address string, connections int, limit time.Duration) (l *line, err error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	l = &line{all: map[int32]*waiting{}}
	if l.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for range connections {
		if err = l.dial(unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func (l *line) dial(to unix.SockaddrInet4) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	w := &waiting{fd: fd}
	l.all[int32(fd)], l.free = w, append(l.free, w)
	return errors.Join(
		unix.Connect(fd, &to),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetNonblock(fd, true),
		unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}),
	)
}

func (l *line) close() {
	for _, w := range l.all {
		_ = unix.Close(w.fd)
	}
	_ = unix.Close(l.poll)
}

// run asks every so often.
func (l *line) run(due, until time.Time, every time.Duration, next source) error {
	for {
		now := time.Now()
		for ; len(l.free) > 0 && !due.After(now) && due.Before(until); due = due.Add(every) {
			x, ok := next()
			if !ok {
				until = due
				break
			}
			if err := l.ask(x, due); err != nil {
				return err
			}
		}
		over := !due.Before(until)
		switch {
		case over && len(l.free) == len(l.all):
			return nil
		case over && time.Since(until) > 30*time.Second:
			return errors.New("requests were not answered")
		}
		rest := time.Until(due)
		if over || len(l.free) == 0 {
			rest = time.Second
		}
		if err := l.wait(rest); err != nil {
			return err
		}
	}
}

func (l *line) ask(x exchange, due time.Time) error {
	w := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	w.due, w.x, w.have = due, x, w.have[:0]
	_, err := unix.Write(w.fd, x.request) // there is room: what was sent before has been answered
	return err
}

// shortest is what the thread sleeps for at all: a processor takes a part of that to sleep and to wake up.
const shortest = 100 * time.Microsecond

// wait takes what has arrived, and waits for so long if there is nothing.
func (l *line) wait(rest time.Duration) error {
	if rest > shortest {
		limit := unix.NsecToTimespec(int64(rest))
		if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(l.poll), Events: unix.POLLIN}}, &limit, nil); err != nil && err != unix.EINTR {
			return err
		}
	}
	n, err := unix.EpollWait(l.poll, l.ready[:], 0)
	if err != nil && err != unix.EINTR {
		return err
	}
	for _, e := range l.ready[:max(n, 0)] {
		if err := l.read(l.all[e.Fd]); err != nil {
			return err
		}
	}
	return nil
}

// read takes what has arrived over one connection. Once that is the whole answer, it must be the right one.
func (l *line) read(w *waiting) error {
	var part [8 << 10]byte
	n, err := unix.Read(w.fd, part[:])
	switch {
	case err == unix.EAGAIN:
		return nil
	case err != nil:
		return err
	case n == 0:
		return errors.New("the server closed a connection")
	}
	w.have = append(w.have, part[:n]...)
	a, whole, err := parse(w.have)
	if err != nil || !whole {
		return err
	}
	l.took, l.free = append(l.took, time.Since(w.due)), append(l.free, w)
	return w.x.judge(a)
}

// parse reads an answer, unless some of it is missing.
func parse(have []byte) (a answer, whole bool, err error) {
	head, body, whole := bytes.Cut(have, []byte("\r\n\r\n"))
	if !whole {
		return a, false, nil
	}
	if len(head) < 12 {
		return a, false, fmt.Errorf("this is no HTTP answer: %q", head)
	}
	if a.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return a, false, err
	}
	if _, rest, ok := bytes.Cut(head, contentLength); ok {
		line, _, _ := bytes.Cut(rest, []byte("\r\n"))
		a.length, err = strconv.Atoi(string(line))
	}
	return a, err == nil && len(body) >= a.length, err
}
