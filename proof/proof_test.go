package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
	"exeunt/proof/check"
	"exeunt/proof/history"
	"exeunt/proof/rig"
)

const (
	shortOps = 1500 // of each set-up, and some more for every fault
	perFault = 250
	signOuts = 5000 // where nothing else is done
)

// TestEveryPromiseHoldsWhateverFails is the short version of the long run: every set-up, and every kind of fault in it.
func TestEveryPromiseHoldsWhateverFails(t *testing.T) {
	seed := rand.Uint64()
	for _, s := range rig.Setups {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(s.About, "PostgreSQL") && !testkit.HasPostgres() {
				return // it has been said aloud
			}
			dir := place(t)
			l := rig.Length{Ops: shortOps + perFault*len(s.Faults), Faults: len(s.Faults)}
			if s.Play != nil {
				l.Ops = signOuts
			}
			v, err := rig.Run(t.Context(), s, rig.Options{Binary: testkit.Binary(t), Dir: dir, Seed: seed, Length: l, Say: t.Logf})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			var said strings.Builder
			if report(&said, v, history.File(filepath.Join(dir, rig.HistoryFile))) > 0 {
				t.Errorf("seed %d:\n%s", seed, said.String())
			}
			if v.Ops < l.Ops || len(s.Faults) > 0 && len(v.Faults) == 0 || s.Play != nil && v.Gone < l.Ops/2 {
				t.Errorf("%d operations, %v faults, %d checks elsewhere are too few to show anything", v.Ops, v.Faults, v.Gone)
			}
		})
	}
}

// place is a directory that databases of other users can enter. It stays when the test has failed.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "exeunt-proof-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the run is kept in %s; judge it again with: go run ./proof check %s", dir, filepath.Join(dir, rig.HistoryFile))
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestEachBrokenPromiseIsShown(t *testing.T) {
	var all []check.Violation
	for _, promise := range []int{check.Alive, check.Alive, check.Alive, check.Final, check.Silent, check.Final} {
		all = append(all, check.Violation{Promise: promise, Ops: []int{len(all)}})
	}
	for most, want := range map[int][]int{0: nil, 2: {0, 3}, 4: {0, 3, 4, 1}, 5: {0, 3, 4, 1, 5}, 9: {0, 3, 4, 1, 5, 2}} {
		var got []int
		for _, one := range taking(all, most) {
			got = append(got, one.Ops...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %d: %v instead of %v", most, got, want)
		}
	}
}

func TestSetupsAreFoundByTheirNames(t *testing.T) {
	if all, err := chosen(nil); err != nil || len(all) != len(rig.Setups) {
		t.Errorf("without names: %d set-ups, %v", len(all), err)
	}
	if some, err := chosen([]string{"three", "sqlite"}); err != nil || len(some) != 2 || some[0].Name != "three" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := chosen([]string{"four"}); err == nil || !strings.Contains(err.Error(), "postgres-standby") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestWhatIsLackingIsToldBeforeAnythingBegins(t *testing.T) {
	setup := func(name string, err error) rig.Setup {
		return rig.Setup{Name: name, Needs: func() error { return err }}
	}
	all := []rig.Setup{{Name: "modest"}, setup("one", errors.New("no nginx")), setup("two", nil), setup("three", errors.New("no disk"))}
	if err := lacking(all); err == nil || err.Error() != "set-up one: no nginx\nset-up three: no disk" {
		t.Errorf("got %v", err)
	}
	if err := lacking(rig.Setups); err != nil {
		t.Error(err)
	}
}

func TestARunIsSharedAmongTheSetups(t *testing.T) {
	o, ops, faults := options{ops: 1000000, faults: 200}, 0, 0
	for _, s := range rig.Setups {
		l := o.share(rig.Setups, s)
		ops, faults = ops+l.Ops, faults+l.Faults
	}
	if ops < o.ops || faults < o.faults {
		t.Errorf("%d operations and %d faults in all", ops, faults)
	}
}
