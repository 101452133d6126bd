// Command proof lets many clients do to sessions whatever can be done, breaks servers and databases meanwhile, and judges
// from the record alone whether every promise was kept.
//
//	proof [flags] [SETUP…]   runs set-ups, all of them without names
//	proof check FILE…        judges the histories of earlier runs again
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"exeunt/proof/check"
	"exeunt/proof/history"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "check" {
		err = again(os.Args[2:])
	} else {
		err = run(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// again judges histories that were kept.
func again(files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("name the histories to judge: proof check FILE…")
	}
	broken := 0
	for _, f := range files {
		v, err := check.Check(history.File(f))
		if err != nil {
			return err
		}
		broken += report(os.Stdout, v, history.File(f))
	}
	return verdict(broken)
}

func verdict(broken int) error {
	if broken > 0 {
		return fmt.Errorf("%d violations", broken)
	}
	return nil
}

func flags(args []string) (o options, names []string, err error) {
	set := flag.NewFlagSet("proof", flag.ContinueOnError)
	set.StringVar(&o.binary, "binary", "bin/exeunt", "the server")
	set.StringVar(&o.dir, "dir", "", "where everything of the run is kept; without it, in a directory of its own below the temporary ones")
	set.Uint64Var(&o.seed, "seed", 0, "what chance begins with; 0 takes one at random, which is printed")
	set.IntVar(&o.ops, "operations", 20000, "operations in all, shared among the set-ups")
	set.IntVar(&o.faults, "faults", 40, "faults in all, shared among the set-ups")
	set.Float64Var(&o.minutes, "minutes", 0, "do it all again, with the next seed, until this time has passed")
	set.BoolVar(&o.keep, "keep", false, "keep the histories also when they are as they should be")
	set.BoolVar(&o.quiet, "quiet", false, "do not tell of every fault")
	err = set.Parse(args)
	return o, set.Args(), err
}
