package main

import (
	"fmt"
	"slices"
	"time"
)

func head() {
	fmt.Printf("%-14s %-11s %-6s %10s %9s %9s %9s   %10s %9s %9s   %s\n", "path", "store", "floor",
		"ours/s", "p50", "p99", "p99.9", "floor/s", "p50", "p99", "ratio")
}

func row(path, engine, kind string, ours, floor measurement) {
	fmt.Printf("%-14s %-11s %-6s %10.0f %9s %9s %9s   %10.0f %9s %9s   %.2f\n", path, engine, kind,
		ours.throughput, short(ours.p50), short(ours.p99), short(ours.p999),
		floor.throughput, short(floor.p50), short(floor.p99), ours.throughput/floor.throughput)
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// median is the measurement with the median throughput.
func median(all []measurement) measurement {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b measurement) int {
		switch {
		case a.throughput < b.throughput:
			return -1
		case a.throughput > b.throughput:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}
