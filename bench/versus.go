package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// versus measures two programs in turns, on stores of their own that hold the same, without their floors: what is between two
// versions is often less than what a machine changes within a second.
func versus(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	other := s
	other.binary = s.versus
	s.announce()
	var all [2][]place
	for n := range all {
		sub := filepath.Join(dir, fmt.Sprint(n))
		if err := os.Mkdir(sub, 0o700); err != nil {
			return err
		}
		if all[n], err = s.places(sub, s.sessions()); err != nil {
			return err
		}
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	fmt.Printf("%-22s %-10s %9s %9s %7s   %9s %9s %7s\n", "path", "store", "/s", "other/s", "ratio", "CPU s/M", "other", "ratio")
	for n, p := range all[0] {
		if err := versusOn(dir, s, other, p, all[1][n]); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// versusOn measures all scenarios on one engine.
func versusOn(dir string, s, other settings, mine, theirs place) error {
	var servers [2]*process
	for n, one := range []struct {
		settings
		place
	}{{s, mine}, {other, theirs}} {
		server, err := one.prepared(filepath.Join(dir, fmt.Sprint(n)), one.quiet())
		if err != nil {
			return err
		}
		defer server.stop()
		servers[n] = server
	}
	for _, x := range scenarios {
		if !s.wants(x.name, mine.name) {
			continue
		}
		var found [2][]measurement
		for round := range s.rounds {
			for turn := range servers {
				n := (round + turn) % len(servers) // they take turns at being first
				m, err := s.measure(x, round, servers[n])
				if err != nil {
					return fmt.Errorf("%s: %w", x.name, err)
				}
				found[n] = append(found[n], m)
			}
		}
		a, b := median(found[0]), median(found[1])
		fmt.Printf("%-22s %-10s %9.0f %9.0f %7.3f   %9.1f %9.1f %7.3f\n", x.name, mine.name, a.throughput, b.throughput, ratio(found[0], found[1]),
			a.cpu, b.cpu, a.cpu/b.cpu)
	}
	return nil
}
