package main

import "testing"

func TestGarbageStaysWithinTheBoundUnlessNothingIsLeft(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live, bound uint64
		want        int
	}{{0, 200 * mib, 400}, {10 * mib, 200 * mib, 400}, {100 * mib, 200 * mib, 100}, {160 * mib, 200 * mib, 25}, {190 * mib, 200 * mib, 20}, {300 * mib, 200 * mib, 20}} {
		if got := garbage(c.live, c.bound); got != c.want {
			t.Errorf("%d MiB of %d: %d %%, want %d", c.live/mib, c.bound/mib, got, c.want)
		}
	}
}
