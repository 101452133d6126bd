package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"
)

// grow measures checks of sessions picked at random from more and more live ones: every one is as likely as any other,
// which is the hardest case for whatever keeps some of them at hand.
func grow(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.announce()
	all, err := s.places(dir, perPerson)
	if err != nil {
		return err
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	fmt.Printf("%-11s %10s   %10s %9s %9s %9s %8s %6s   %9s %8s %6s   %8s %8s\n", "store", "sessions", "first /s", "/s", "p50", "p99", "CPU s/M", "busy",
		"floor/s", "CPU s/M", "ratio", "start", "memory")
	for _, p := range all {
		for i, n := range s.growth {
			from := perPerson
			if i > 0 {
				from = s.growth[i-1]
			}
			if err := errors.Join(p.fill(from, n), growFloorTable(p.driver, p.floors, from, n)); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if err := s.grown(dir, p, n); err != nil {
				return fmt.Errorf("%s: %d sessions: %w", p.name, n, err)
			}
		}
	}
	return nil
}

// warmMost is how long asking for each session once may take.
const warmMost = 4 * time.Minute

// grown measures at one size: the first answer after the start, then the first checks, then those after each session
// was asked for, beside a floor with as many rows.
func (s settings) grown(dir string, p place, sessions int) error {
	begun := time.Now()
	server, err := s.serve(dir, p.quiet())
	if err != nil {
		return err
	}
	defer server.stop()
	asked := sessions / 2
	anyone := func() (exchange, bool) { return whoami(headerToken(2 * rand.IntN(asked))), true }
	var each atomic.Int64
	everyone := func() (exchange, bool) {
		n := int(each.Add(1)) - 1
		return whoami(headerToken(2 * min(n, asked-1))), n < asked
	}
	recorded, err := record(server.address, whoami(headerToken(0)))
	if err != nil {
		return err
	}
	started := time.Since(begun)
	recorded.Kind, recorded.Where, recorded.Rows, recorded.Spread = p.check, p.floors, sessions, true
	beside, err := recorded.start()
	if err != nil {
		return err
	}
	defer beside.stop()
	first, err := load(server.address, s.connections, s.duration, anyone)
	if err != nil {
		return err
	}
	if _, err := load(server.address, s.connections, warmMost, everyone); err != nil {
		return err
	}
	if n := int(each.Load()); n < asked {
		fmt.Printf("%s: only %d of %d sessions were asked for in %s\n", p.name, n, asked, warmMost)
	}
	var mine, floors []measurement
	for range s.rounds {
		m, err := beside.measure(func() (measurement, error) {
			return load(beside.address, s.connections, s.duration, recorded.asked(anyone))
		})
		if err != nil {
			return err
		}
		floors = append(floors, m)
		m, err = server.measure(func() (measurement, error) { return load(server.address, s.connections, s.duration, anyone) })
		if err != nil {
			return err
		}
		mine = append(mine, m)
	}
	m, f := median(mine), median(floors)
	fmt.Printf("%-11s %10d   %10.0f %9.0f %9s %9s %8.1f %6.2f   %9.0f %8.1f %6.2f   %8s %6dMB\n", p.name, sessions, first.throughput, m.throughput,
		short(m.p50), short(m.p99), m.cpu, m.busy, f.throughput, f.cpu, ratio(mine, floors), started.Round(time.Millisecond), server.resident("VmHWM")>>10)
	return nil
}
