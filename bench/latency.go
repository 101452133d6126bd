package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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
		if err = s.warm(server); err == nil {
			err = s.latency(server, p, peak(results, p.name), s.from(s.rounds)+1)
		}
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
	if err := s.half(server, p, rate/2, checks); err != nil {
		return err
	}
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

// half measures checks at half of the highest rate, in turns with the floor at the same rate: what the load and the machine
// add to the slowest of a hundred answers shows there too.
func (s settings) half(server *process, p place, rate float64, checks source) error {
	recorded, err := record(server.address, scenarios[0].operation(0))
	if err != nil {
		return err
	}
	recorded.Kind, recorded.Where, recorded.Rows = p.check, p.floors, s.sessions()
	beside, err := recorded.start()
	if err != nil {
		return err
	}
	defer beside.stop()
	var mine, floors []measurement
	for range s.rounds {
		f, err := beside.measure(func() (measurement, error) {
			return steady(beside.address, s.connections, s.duration, rate, recorded.asked(checks))
		})
		if err != nil {
			return err
		}
		m, err := server.measure(func() (measurement, error) {
			return steady(server.address, s.connections, s.duration, rate, checks)
		})
		if err != nil {
			return err
		}
		mine, floors = append(mine, m), append(floors, f)
	}
	for name, m := range map[string]measurement{"whoami": middle(mine), p.check: middle(floors)} {
		fmt.Printf("%-11s %-6s at half of whoami's peak, %.0f/s: p50 %v, p99 %v, ratio %.1f\n", p.name, name, m.throughput, short(m.p50), short(m.p99), float64(m.p99)/float64(m.p50))
	}
	return nil
}

// middle is the measurement whose slowest answers are the median of all.
func middle(all []measurement) measurement {
	slices.SortFunc(all, func(a, b measurement) int { return cmp.Compare(a.p99, b.p99) })
	return all[len(all)/2]
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
