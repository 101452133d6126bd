package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"exeunt/proof/check"
	"exeunt/proof/rig"
)

type options struct {
	binary, dir string
	seed        uint64
	ops, faults int
	quiet       bool
}

// run runs set-ups one after the other and prints what they have shown.
func run(ctx context.Context, args []string) error {
	o, names, err := flags(args)
	if err != nil {
		return err
	}
	setups, err := chosen(names)
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

func (o options) all(ctx context.Context, setups []rig.Setup) error {
	t, broken := table{}, 0
	for _, s := range setups {
		begun := time.Now()
		v, file, err := o.one(ctx, s)
		if err != nil {
			return errors.Join(err, t.print(os.Stdout))
		}
		t.add(v, time.Since(begun))
		broken += report(os.Stdout, v, file)
	}
	return errors.Join(t.print(os.Stdout), verdict(broken))
}

func (o options) one(ctx context.Context, s rig.Setup) (*check.Verdict, historyFile, error) {
	dir := filepath.Join(o.dir, s.Name)
	v, err := rig.Run(ctx, s, rig.Options{Binary: o.binary, Dir: dir, Seed: o.seed, Ops: o.ops, Faults: o.faults, Say: o.say})
	return v, historyFile(filepath.Join(dir, "history.jsonl")), err
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

func setupNames() (names []string) {
	for _, s := range rig.Setups {
		names = append(names, s.Name)
	}
	return names
}
