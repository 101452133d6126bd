package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A power cut leaves of a file what was synced, and of what was written since, any part: a disk writes sectors in the
// order it likes. The server runs under strace, which tells every write, truncation and sync of the database's files
// before the server goes on; so what a cut would have left can be put together.
const (
	sector = 512
	calls  = "pwrite64,ftruncate,fsync,fdatasync"
)

// traced has the server run under strace. With -D the server keeps its process, so that signals reach it.
func traced(build func(context.Context, *Rig) error) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		r.wrap = func(n *Node) error {
			n.binary = filepath.Join(n.dir, "traced")
			return wrapper(n.binary, "strace -D -f --seccomp-bpf -y -s 1000000 -e trace="+calls+" -e signal=none -o '"+n.trace()+"'", r.Binary)
		}
		return build(ctx, r)
	}
}

func (n *Node) trace() string { return n.dir + ".trace" }

func (n *Node) files() []string {
	base := filepath.Join(n.dir, "exeunt.sqlite")
	return []string{base, base + "-wal"}
}

// cutPower ends a server and leaves of its database what a power cut would have left.
func cutPower(_ context.Context, r *Rig) error {
	n := r.one()
	tracer, err := n.tracer()
	if err != nil {
		return err
	}
	n.kill()
	for begun := time.Now(); syscall.Kill(tracer, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Since(begun) > overdue {
			return fmt.Errorf("strace does not end")
		}
	}
	disks, err := replay(n.trace(), n.before)
	if err != nil {
		return err
	}
	for _, file := range n.files() {
		if err := disks[file].complete(file); err != nil {
			return err
		}
		if err := os.WriteFile(file, disks[file].after(r), 0o600); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(n.files()[0] + "-shm"); err != nil {
		return err
	}
	return n.start()
}

// tracer is the process that traces the server.
func (n *Node) tracer() (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.process.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "TracerPid:")
	return strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
}

// disk is one file: what is certain of it, and what was written since.
type disk struct {
	synced  []byte
	pending []change
	first   int // the number of the first of them
}

// change is a write, or a truncation when there is no data.
type change struct {
	at       int64
	data     []byte
	underway bool // nobody has been told yet that it is done
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		return resize(b, c.at)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[c.at:], c.data)
	return b
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// written is the number of the first change that is not done: one that is under way while a sync begins may come after it.
func (d *disk) written() int {
	for i, c := range d.pending {
		if c.underway {
			return d.first + i
		}
	}
	return d.first + len(d.pending)
}

// done says that a change is.
func (d *disk) done(change int) {
	if i := change - d.first; i >= 0 {
		d.pending[i].underway = false
	}
}

// sync makes the changes before one certain, unless another sync has done so.
func (d *disk) sync(before int) {
	n := max(before-d.first, 0)
	for _, c := range d.pending[:n] {
		d.synced = c.apply(d.synced)
	}
	d.pending, d.first = d.pending[n:], d.first+n
}

// complete makes sure that everything that was written to a file is known: else the model would be of something else. Of the
// last change, and of what was not done, the file may hold only the beginning: who is killed while they write has written some
// of the pages, or none.
func (d *disk) complete(file string) error {
	is, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all, last := bytes.Clone(d.synced), min(d.written()-d.first, max(len(d.pending)-1, 0))
	for _, c := range d.pending[:last] {
		all = c.apply(all)
	}
	before := bytes.Clone(all)
	for _, c := range d.pending[last:] {
		all = c.apply(all)
	}
	done := alike(is, all)
	if !bytes.Equal(is, all) && !bytes.Equal(is[done:], before[min(done, len(before)):]) {
		return fmt.Errorf("%s is not what was seen to be written to it: %d bytes, and %d were seen, of which the first %d are there", file, len(is), len(all), done)
	}
	return nil
}

// alike is how many bytes two texts begin with alike.
func alike(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// after is what a power cut may leave: of each sector that was not synced, the new one or the old one.
func (d *disk) after(r *Rig) []byte {
	b := d.synced
	keep := r.dice.IntN(3) // nothing, anything, everything
	for _, c := range d.pending {
		switch {
		case keep == 0:
		case c.data == nil && (keep == 2 || r.dice.IntN(2) == 0):
			b = c.apply(b)
		default:
			for from := int64(0); from < int64(len(c.data)); {
				to := min(from+sector-(c.at+from)%sector, int64(len(c.data)))
				if keep == 2 || r.dice.IntN(2) == 0 {
					b = change{at: c.at + from, data: c.data[from:to]}.apply(b)
				}
				from = to
			}
		}
	}
	return b
}
