package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// exchange is one request, as bytes, and the answer that is right for it.
type exchange struct {
	request []byte
	status  int // 0 for any
	length  int // bytes of the body; -1 for any

	// next makes the request that follows in the same operation from the body of this answer; nil ends the operation. The
	// body is valid until then.
	next func(body []byte) (exchange, error)
}

// judge fails when an answer is wrong.
func (x exchange) judge(a answer) error {
	if (x.status != 0 && a.status != x.status) || (x.length >= 0 && a.length != x.length) {
		return fmt.Errorf("wrong answer: status %d with %d bytes, expected %d with %d", a.status, a.length, x.status, x.length)
	}
	return nil
}

// source hands out operations; false when there are no more. It is safe for concurrent use.
type source func() (exchange, bool)

// client is one connection.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
	last int // status of the last answer
}

func dial(address string, until time.Time) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, conn.SetDeadline(until)
}

// perform runs one operation, and fails when an answer is wrong.
func (c *client) perform(x exchange) (err error) {
	for {
		if _, err := c.conn.Write(x.request); err != nil {
			return err
		}
		a, err := c.answer(x.next != nil)
		if err != nil {
			return err
		}
		c.last = a.status
		if err := x.judge(a); err != nil {
			return err
		}
		if x.next == nil {
			return nil
		}
		if x, err = x.next(c.body); err != nil {
			return err
		}
	}
}

// answer is what was read of one.
type answer struct{ status, length int }

var contentLength = []byte("Content-Length: ")

// answer reads one HTTP/1.1 response with a length; it keeps the body when that is wanted. It knows no more of HTTP than
// the servers under test use.
func (c *client) answer(keep bool) (a answer, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 {
		return a, fmt.Errorf("this is no HTTP answer: %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, err
	}
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, contentLength); ok {
			if a.length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return a, err
			}
		}
	}
	if !keep {
		_, err = c.in.Discard(a.length)
		return a, err
	}
	c.body = append(c.body[:0], make([]byte, a.length)...)
	_, err = io.ReadFull(c.in, c.body)
	return a, err
}
