package rig

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"exeunt/proof/check"
	"exeunt/proof/drive"
	"exeunt/proof/history"
)

// Setup is a way to run servers, and what is done to them there.
type Setup struct {
	Name   string
	About  string
	Long   Length
	Crowd  drive.Crowd
	Run    history.Run                                            // what is promised there
	Play   func(w *drive.World, ctx context.Context, clients int) // what the clients do; World.Run if it does not say
	Needs  func() error                                           // what this machine lacks for it, and how to get it; nil for nothing
	Build  func(ctx context.Context, r *Rig) error
	Faults []Fault
}

// Length is how much is done.
type Length struct{ Ops, Faults int }

// Fault is something that happens to servers and databases. When Do returns, everything works again.
type Fault struct {
	Kind string
	Do   func(ctx context.Context, r *Rig) error
}

// Options say how long a run is.
type Options struct {
	Binary string
	Dir    string // for everything that the run leaves, the history included
	Seed   uint64
	Length
	Say func(format string, args ...any)
}

// Rig is a run under way.
type Rig struct {
	Options
	setup   Setup
	nodes   []*Node
	base    string
	pg      *cluster
	standby *cluster
	disk    string // where the small disk of the database is seen from here
	front   *drive.Node
	clocks  []clock
	wrap    func(*Node) error // prepares how a server is run, if not by itself
	places  []string          // where secrets are looked for
	world   *drive.World
	dice    *rand.Rand
	closers []func() error

	followers int // standbys so far
}

// Run does everything: it sets up, drives, breaks, waits, looks, and judges.
func Run(ctx context.Context, s Setup, o Options) (v *check.Verdict, err error) {
	r := &Rig{Options: o, setup: s, dice: rand.New(rand.NewPCG(o.Seed, 0xfa17))}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := s.Build(ctx, r); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	file := filepath.Join(o.Dir, HistoryFile)
	h, err := history.New(file)
	if err != nil {
		return nil, err
	}
	if err := r.drive(ctx, h); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), h.Close())
	}
	if err := errors.Join(h.Close(), r.raced()); err != nil {
		return nil, err
	}
	return check.Check(history.File(file))
}

// HistoryFile is what the history is called in the directory of a run.
const HistoryFile = "history.jsonl"

func (r *Rig) drive(ctx context.Context, h *history.Writer) error {
	run := r.setup.Run
	run.Setup, run.Seed = r.setup.Name, r.Seed
	if r.base == "" {
		r.base = r.nodes[0].Public
	}
	run.Places = []string{r.base + "/"}
	h.Add(history.Entry{Run: &run}, nil)
	asked := make([]*drive.Node, len(r.nodes))
	for i, n := range r.nodes {
		asked[i] = n.Node
	}
	if r.front != nil {
		asked = append(asked, r.front)
	}
	var err error
	if r.world, err = drive.New(ctx, asked, r.base, r.Seed, h, r.setup.Crowd); err != nil {
		return err
	}
	if err := r.crowded(ctx, h); err != nil {
		return err
	}
	for _, n := range r.nodes {
		if err := n.welcome(); err != nil {
			return err
		}
	}
	r.world.Verify(ctx)
	if err := r.world.Close(ctx); err != nil {
		return err
	}
	return r.search(ctx, h)
}

// crowded lets the clients go, and does one fault after the other.
func (r *Rig) crowded(ctx context.Context, h *history.Writer) (err error) {
	going, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	play := r.setup.Play
	if play == nil {
		play = (*drive.World).Run
	}
	all.Go(func() { play(r.world, going, r.setup.Crowd.Clients) })
	defer all.Wait()
	defer stop()
	each := r.Ops / (r.Faults + 1)
	faults := r.Faults
	if len(r.setup.Faults) == 0 {
		faults = 0
	}
	for n := range faults {
		if err := reached(ctx, h, (n+1)*each); err != nil {
			return err
		}
		f := r.setup.Faults[n%len(r.setup.Faults)]
		begun := time.Now()
		if err := f.Do(ctx, r); err != nil {
			return fmt.Errorf("%s: %w", f.Kind, err)
		}
		r.world.Fault(f.Kind, begun)
		r.Say("%s: %d operations, fault %d, %s, over after %v", r.setup.Name, h.Ops(), n+1, f.Kind, time.Since(begun).Round(time.Millisecond))
	}
	return reached(ctx, h, r.Ops)
}

const stuck = 3 * time.Minute // nothing is answered for so long

// reached waits until there are so many operations.
func reached(ctx context.Context, h *history.Writer, ops int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	before, moved := 0, time.Now()
	for {
		now := h.Ops()
		switch {
		case now >= ops:
			return nil
		case now > before:
			before, moved = now, time.Now()
		case time.Since(moved) > stuck:
			return fmt.Errorf("nothing was answered for %v", stuck)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close ends everything that was set up, the last first.
func (r *Rig) close() (err error) {
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	return err
}

func (r *Rig) atEnd(f func() error) { r.closers = append(r.closers, f) }

// add makes a server and starts it.
func (r *Rig) add(dsn, base, extra string) (*Node, error) {
	dir := filepath.Join(r.Dir, fmt.Sprintf("node%d", len(r.nodes)+1))
	n, err := newNode(dir, r.Binary, dsn, base, extra)
	if err != nil {
		return nil, err
	}
	r.nodes = append(r.nodes, n)
	r.places = append(r.places, dir)
	r.atEnd(n.stop)
	if r.wrap != nil {
		if err := r.wrap(n); err != nil {
			return nil, err
		}
	}
	return n, n.start()
}

func (r *Rig) one() *Node { return r.nodes[r.dice.IntN(len(r.nodes))] }
