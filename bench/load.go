package main

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// measurement is what one run has shown.
type measurement struct {
	throughput     float64 // operations in a second
	p50, p99, p999 time.Duration
	answers        float64
	cpu            float64 // processor seconds of the server in a million operations
	busy           float64 // processor seconds of the server in a second
	memory         int     // KiB that the server holds afterwards
}

// load runs operations over a number of connections, each waiting for its answer, until the time is up or next has no
// more. A wrong answer ends it with an error.
func load(address string, connections int, limit time.Duration, next source) (measurement, error) {
	var wg sync.WaitGroup
	errs := make(chan error, connections)
	times := make([][]time.Duration, connections)
	start := time.Now()
	for i := range connections {
		wg.Go(func() {
			took, err := ask(address, start.Add(limit), next)
			times[i] = took
			if err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	select {
	case err := <-errs:
		return measurement{}, err
	default:
	}
	return summary(slices.Concat(times...), elapsed)
}

func summary(all []time.Duration, elapsed time.Duration) (measurement, error) {
	if len(all) == 0 {
		return measurement{}, errors.New("no request was answered")
	}
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[min(int(q*float64(len(all))), len(all)-1)] }
	n := float64(len(all))
	return measurement{throughput: n / elapsed.Seconds(), p50: at(.5), p99: at(.99), p999: at(.999), answers: n}, nil
}

// ask runs operations over one connection.
func ask(address string, until time.Time, next source) (took []time.Duration, err error) {
	c, err := dial(address, until.Add(30*time.Second))
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	for {
		x, ok := next()
		begin := time.Now()
		if !ok || begin.After(until) {
			return took, nil
		}
		if err := c.perform(x); err != nil {
			return took, err
		}
		took = append(took, time.Since(begin))
	}
}

// turns hands out operations one after the other, and again from the start unless each is for once.
func turns(operations []exchange, once bool) source {
	var n atomic.Int64
	return func() (exchange, bool) {
		i := int(n.Add(1) - 1)
		if once && i >= len(operations) {
			return exchange{}, false
		}
		return operations[i%len(operations)], true
	}
}
