package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// latencies measures what throughput does not tell: checks at half of the highest rate, and signing out while checks take
// all that the server has.
func (s settings) latencies(dir string, all []place, results []result) error {
	for _, p := range all {
		server, err := s.serve(dir, p.quiet())
		if err != nil {
			return err
		}
		err = s.latency(server, p, peak(results, p.name), s.from(s.rounds)+1)
		server.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// peak is the highest rate of checks that an engine has shown.
func peak(results []result, store string) (rate float64) {
	for _, r := range results {
		if r.Store == store && r.Path == scenarios[0].name {
			rate = r.Ours.PerSecond
		}
	}
	return rate
}

func (s settings) latency(server *process, p place, rate float64, from int) error {
	checks := scenarios[0].operations(0, 0)
	half, err := steady(server.address, s.connections, s.duration, rate/2, checks)
	if err != nil {
		return err
	}
	fmt.Printf("%-11s whoami at half of its peak, %.0f/s: p50 %v, p99 %v, ratio %.1f\n", p.name, half.throughput, short(half.p50), short(half.p99), float64(half.p99)/float64(half.p50))
	var saturating, ending measurement
	var failed [2]error
	var both sync.WaitGroup
	both.Go(func() { saturating, failed[0] = load(server.address, s.connections, s.duration, checks) })
	both.Go(func() {
		logouts := scenario{once: true, operation: nativeLogout}
		ending, failed[1] = steady(server.address, 4, s.duration, 100, logouts.operations(from, s.perMeasurement()))
	})
	both.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	fmt.Printf("%-11s native logout while whoami saturates the server with %.0f/s: p50 %v, p99 %v\n", p.name, saturating.throughput, short(ending.p50), short(ending.p99))
	return nil
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
