package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
)

// figures are a measurement as it is shown and kept.
type figures struct {
	PerSecond      float64 // operations
	P50, P99, P999 float64 // milliseconds
	CPU            float64 // processor seconds for a million operations
	Busy           float64 // processors in use
	Memory         int     // MiB
}

func (m measurement) figures() figures {
	return figures{m.throughput, m.p50.Seconds() * 1e3, m.p99.Seconds() * 1e3, m.p999.Seconds() * 1e3, m.cpu, m.busy, m.memory >> 10}
}

func head() {
	fmt.Printf("%-22s %-10s %-5s %8s %7s %7s %7s %7s %5s %6s   %8s %7s %7s %7s %5s   %5s %s\n", "path", "store", "floor",
		"ours/s", "p50 ms", "p99 ms", "p99.9", "CPU s/M", "busy", "MiB", "floor/s", "p50 ms", "p99 ms", "CPU s/M", "busy", "ratio", "goal")
}

func (r result) row() {
	goal := ""
	if r.Goal > 0 {
		goal = fmt.Sprintf("%.2f", r.Goal)
		if r.Ratio < r.Goal {
			goal += " missed"
		}
	}
	o, f := r.Ours, r.Beside
	fmt.Printf("%-22s %-10s %-5s %8.0f %7.2f %7.2f %7.2f %7.1f %5.2f %6d   %8.0f %7.2f %7.2f %7.1f %5.2f   %5.3f %s\n", r.Path, r.Store, r.Floor,
		o.PerSecond, o.P50, o.P99, o.P999, o.CPU, o.Busy, o.Memory, f.PerSecond, f.P50, f.P99, f.CPU, f.Busy, r.Ratio, goal)
}

// keep writes the figures to the files that were asked for.
func (s settings) keep(results []result) (err error) {
	if s.json != "" {
		b, failed := json.MarshalIndent(results, "", "\t")
		err = errors.Join(failed, os.WriteFile(s.json, append(b, '\n'), 0o644))
	}
	if s.svg != "" {
		err = errors.Join(err, os.WriteFile(s.svg, chart(results), 0o644))
	}
	return err
}

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

// ratio is the median of what each measurement reached of that beside it: a machine that is slower for a while is so for both.
func ratio(mine, floors []measurement) float64 {
	all := make([]float64, len(mine))
	for i := range mine {
		all[i] = mine[i].throughput / floors[i].throughput
	}
	slices.Sort(all)
	return all[len(all)/2]
}
