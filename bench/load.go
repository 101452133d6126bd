package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// exchange is one request, as bytes, and the answer that is right for it.
type exchange struct {
	request []byte
	status  int
	length  int // bytes of the body
}

// measurement is what one run has shown.
type measurement struct {
	throughput       float64 // answers in a second
	p50, p99, p999   time.Duration
	answers, seconds float64
}

// load sends requests over a number of connections, each waiting for its answer, until the time is up or next has no
// more. A wrong answer ends it with an error.
func load(address string, connections int, limit time.Duration, next func() (exchange, bool)) (measurement, error) {
	var wg sync.WaitGroup
	errs := make(chan error, connections)
	times := make([][]time.Duration, connections)
	start := time.Now()
	for i := range connections {
		wg.Go(func() {
			took, err := client(address, start.Add(limit), next)
			times[i] = took
			if err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start).Seconds()
	select {
	case err := <-errs:
		return measurement{}, err
	default:
	}
	all := slices.Concat(times...)
	if len(all) == 0 {
		return measurement{}, fmt.Errorf("no request was answered")
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[min(int(q*float64(len(all))), len(all)-1)] }
	n := float64(len(all))
	return measurement{throughput: n / elapsed, p50: at(.5), p99: at(.99), p999: at(.999), answers: n, seconds: elapsed}, nil
}

// client asks over one connection.
func client(address string, until time.Time, next func() (exchange, bool)) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(until.Add(30 * time.Second)); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 16<<10)
	for {
		x, ok := next()
		begin := time.Now()
		if !ok || begin.After(until) {
			return took, nil
		}
		if _, err := conn.Write(x.request); err != nil {
			return took, err
		}
		status, length, err := answer(r)
		if err != nil {
			return took, err
		}
		if status != x.status || (x.length >= 0 && length != x.length) {
			return took, fmt.Errorf("wrong answer: status %d with %d bytes, expected %d with %d", status, length, x.status, x.length)
		}
		took = append(took, time.Since(begin))
	}
}

var contentLength = []byte("Content-Length: ")

// answer reads one HTTP/1.1 response with a length. It knows no more of HTTP than the servers under test use.
func answer(r *bufio.Reader) (status, length int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("this is no HTTP answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return 0, 0, err
			}
		}
	}
	_, err = io.CopyN(io.Discard, r, int64(length))
	return status, length, err
}
