package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stormConnections sign in at once, far more than the server can hash passwords for.
const stormConnections = 200

// storm measures checks at a steady rate, first at rest and then while many sign in with the hashing that is configured
// by default.
func storm(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.announce()
	all, err := s.places(dir, 2000)
	if err != nil {
		return err
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	fmt.Printf("%-11s %9s %9s   %9s %9s %7s   %9s %9s %8s\n", "store", "p50", "p99", "p50", "p99", "ratio", "signed in", "429", "memory")
	for _, p := range all {
		if err := s.stormed(dir, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// earnest is the configuration with passwords hashed as they are by default.
func (p place) earnest() string {
	lines := strings.Split(p.quiet(), "\n")
	kept := lines[:0]
	for _, line := range lines {
		if !strings.HasPrefix(line, "hashers:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func (s settings) stormed(dir string, p place) error {
	server, err := s.prepared(dir, p.earnest())
	if err != nil {
		return err
	}
	defer server.stop()
	checks := scenarios[0].operations(0, 0)
	before, err := steady(server.address, collectConnections, s.duration, collectRate, checks)
	if err != nil {
		return err
	}
	var in, refused atomic.Int64
	var during measurement
	var failed [2]error
	var both sync.WaitGroup
	both.Go(func() { failed[0] = press(server.address, s.duration, &in, &refused) })
	both.Go(func() {
		during, failed[1] = steady(server.address, collectConnections, s.duration, collectRate, checks)
	})
	both.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	fmt.Printf("%-11s %9s %9s   %9s %9s %7.2f   %9d %9d %6dMB\n", p.name, short(before.p50), short(before.p99), short(during.p50), short(during.p99),
		float64(during.p99)/float64(before.p99), in.Load(), refused.Load(), server.resident("VmHWM")>>10)
	return nil
}

// press signs people in over many connections at once, and counts how many get in and how many are told to come again.
func press(address string, limit time.Duration, in, refused *atomic.Int64) error {
	until := time.Now().Add(limit)
	failed := make([]error, stormConnections)
	var all sync.WaitGroup
	for i := range stormConnections {
		all.Go(func() { failed[i] = pressOne(address, until, i, in, refused) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func pressOne(address string, until time.Time, n int, in, refused *atomic.Int64) error {
	c, err := dial(address, until.Add(time.Minute))
	if err != nil {
		return err
	}
	defer c.conn.Close()
	for time.Now().Before(until) {
		x := signIn(n)
		begin := x.next
		x.next = func(body []byte) (exchange, error) {
			submit, err := begin(body)
			submit.status = 0
			return submit, err
		}
		if err := c.perform(x); err != nil {
			return err
		}
		switch c.last {
		case http.StatusOK:
			in.Add(1)
		case http.StatusTooManyRequests:
			refused.Add(1)
			time.Sleep(time.Second) // Retry-After
		default:
			return fmt.Errorf("a sign-in was answered with %d", c.last)
		}
	}
	return nil
}
