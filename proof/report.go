package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"exeunt/proof/check"
	"exeunt/proof/history"
)

const mostShown = 8 // violations with the operations that show them

// taking takes so many violations at most, the promises in turn.
func taking(all []check.Violation, most int) []check.Violation {
	turns, told := make(map[int][]check.Violation), map[int]int{}
	for _, one := range all {
		turn := told[one.Promise]
		told[one.Promise]++
		turns[turn] = append(turns[turn], one)
	}
	var some []check.Violation
	for turn := 0; len(some) < min(most, len(all)); turn++ {
		some = append(some, turns[turn]...)
	}
	return some[:min(most, len(all))]
}

// report prints the violations of a run, each with the operations that show it, and returns how many there are.
func report(w io.Writer, v *check.Verdict, source history.File) int {
	shown := taking(v.Violations, mostShown)
	lines := map[int]string{}
	for _, one := range shown {
		for _, n := range one.Ops {
			lines[n] = ""
		}
	}
	if len(shown) > 0 {
		excerpt(source, lines)
	}
	for _, one := range shown {
		fmt.Fprintf(w, "VIOLATION %v\n", one)
		for _, n := range one.Ops {
			fmt.Fprintf(w, "    %s\n", lines[n])
		}
	}
	if v.Elsewhere > 0 {
		fmt.Fprintf(w, "%s: signed out at the first node, refused at the others in %d of %d tries\n", v.Run.Setup, v.Gone, v.Elsewhere)
	}
	if v.Total > 0 {
		fmt.Fprintf(w, "%s: %d violations in %s\n", v.Run.Setup, v.Total, source)
	}
	return v.Total
}

// excerpt finds operations by their numbers.
func excerpt(source history.File, lines map[int]string) {
	for e, err := range source.All() {
		if err != nil {
			return // it could be read a moment ago
		}
		if e.Op == nil {
			continue
		}
		if _, wanted := lines[e.Op.N]; wanted {
			b, _ := json.Marshal(e.Op) // it was read from JSON
			lines[e.Op.N] = string(b)
		}
	}
}

// table is what all set-ups have shown.
type table struct {
	rows                                                   []string
	ops, sessions, refused, unanswered, faults, violations int
	took                                                   time.Duration
}

func (t *table) add(v *check.Verdict, took time.Duration) {
	var faults []string
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(v.Faults)) {
		faults = append(faults, fmt.Sprintf("%s %d", kind, v.Faults[kind]))
		total += v.Faults[kind]
	}
	t.rows = append(t.rows, row(v.Run.Setup, v.Ops, v.Sessions, v.Refused, v.Unanswered, total, v.Total, took, strings.Join(faults, ", ")))
	t.ops, t.sessions, t.refused, t.unanswered = t.ops+v.Ops, t.sessions+v.Sessions, t.refused+v.Refused, t.unanswered+v.Unanswered
	t.faults, t.violations, t.took = t.faults+total, t.violations+v.Total, t.took+took
}

func row(name string, ops, sessions, refused, unanswered, faults, violations int, took time.Duration, kinds string) string {
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%s", name, ops, sessions, refused, unanswered, faults, violations, took.Round(time.Second), kinds)
}

func (t *table) print(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "set-up\toperations\tsessions\trefused\tunanswered\tfaults\tviolations\ttime\tof which")
	for _, line := range append(t.rows, row("all", t.ops, t.sessions, t.refused, t.unanswered, t.faults, t.violations, t.took, "")) {
		fmt.Fprintln(out, line)
	}
	return out.Flush()
}
