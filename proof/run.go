package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"exeunt/proof/history"
	"exeunt/proof/rig"
)

type options struct {
	binary, dir string
	seed        uint64
	ops, faults int
	minutes     float64
	keep, quiet bool
}

// run runs set-ups one after the other and prints what they have shown.
func run(ctx context.Context, args []string) error {
	o, names, err := flags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil // it has been printed
	}
	if err != nil {
		return err
	}
	setups, err := chosen(names)
	if err == nil {
		err = lacking(setups)
	}
	if err != nil {
		return err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1 << 53)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "exeunt-proof-"); err != nil {
			return err
		}
	}
	err = errors.Join(os.MkdirAll(o.dir, 0o755), os.Chmod(o.dir, 0o755)) // a database may run as somebody else
	if err != nil {
		return err
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	fmt.Printf("seed %d, everything is kept in %s\n", o.seed, o.dir)
	return o.all(ctx, setups)
}

// all goes through the set-ups, again and again until the time is over.
func (o options) all(ctx context.Context, setups []rig.Setup) error {
	t, broken, begun := table{}, 0, time.Now()
	for round := 0; round == 0 || time.Since(begun).Minutes() < o.minutes; round++ {
		for _, s := range setups {
			n, err := o.one(ctx, s, round, o.share(setups, s), &t)
			if err != nil {
				return errors.Join(err, t.print(os.Stdout))
			}
			broken += n
		}
	}
	return errors.Join(t.print(os.Stdout), verdict(broken))
}

// share is a set-up's part of everything.
func (o options) share(setups []rig.Setup, s rig.Setup) rig.Length {
	var all rig.Length
	for _, one := range setups {
		all.Ops, all.Faults = all.Ops+one.Long.Ops, all.Faults+one.Long.Faults
	}
	return rig.Length{Ops: (o.ops*s.Long.Ops + all.Ops - 1) / all.Ops, Faults: (o.faults*s.Long.Faults + max(all.Faults, 1) - 1) / max(all.Faults, 1)}
}

// one runs a set-up and reports what it has shown; what nobody will look at is removed.
func (o options) one(ctx context.Context, s rig.Setup, round int, l rig.Length, t *table) (violations int, err error) {
	dir := filepath.Join(o.dir, fmt.Sprintf("%s-%d", s.Name, round+1))
	begun := time.Now()
	v, err := rig.Run(ctx, s, rig.Options{Binary: o.binary, Dir: dir, Seed: o.seed + uint64(round), Length: l, Say: o.say})
	if err != nil {
		return 0, err
	}
	t.add(v, time.Since(begun))
	violations = report(os.Stdout, v, history.File(filepath.Join(dir, rig.HistoryFile)))
	if violations == 0 && !o.keep {
		err = os.RemoveAll(dir)
	}
	return violations, err
}

func (o options) say(format string, args ...any) {
	if !o.quiet {
		fmt.Printf(format+"\n", args...)
	}
}

func chosen(names []string) ([]rig.Setup, error) {
	if len(names) == 0 {
		return rig.Setups, nil
	}
	var all []rig.Setup
	for _, name := range names {
		at := slices.IndexFunc(rig.Setups, func(s rig.Setup) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no set-up %s; there are %s", name, strings.Join(setupNames(), ", "))
		}
		all = append(all, rig.Setups[at])
	}
	return all, nil
}

// lacking tells what set-ups need and this machine has not, before all those that come earlier have taken their time.
func lacking(setups []rig.Setup) error {
	var all []error
	for _, s := range setups {
		if s.Needs == nil {
			continue
		}
		if err := s.Needs(); err != nil {
			all = append(all, fmt.Errorf("set-up %s: %w", s.Name, err))
		}
	}
	return errors.Join(all...)
}

func setupNames() (names []string) {
	for _, s := range rig.Setups {
		names = append(names, s.Name)
	}
	return names
}
