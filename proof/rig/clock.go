package rig

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The clock of a program cannot be set from outside without that of the whole machine. So the server is built once more
// from the same sources, against a standard library whose time.Now adds as many seconds as a file says that is mapped
// into memory. Timers and the monotonic clock go on as they do when an administrator, or a time server, sets the clock.
const steppedNow = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var step *int64

func init() {
	name, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return
	}
	fd, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		panic("the clock cannot be opened: " + name)
	}
	b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("the clock cannot be mapped: " + name)
	}
	step = (*int64)(unsafe.Pointer(&b[0]))
}

func stepped() int64 {
	if step == nil {
		return 0
	}
	return atomic.LoadInt64(step)
}
`

const (
	clockVariable = "EXEUNT_PROOF_CLOCK"
	askNow        = "\tsec, nsec, mono := runtimeNow()\n"
)

// withClock builds the server with a clock that can be set.
func withClock(ctx context.Context, dir string) (binary string, err error) {
	timeDir, err := goRoot(ctx)
	if err != nil {
		return "", err
	}
	original, err := os.ReadFile(filepath.Join(timeDir, "time.go"))
	if err != nil {
		return "", err
	}
	changed := strings.Replace(string(original), "func Now() Time {\n"+askNow, "func Now() Time {\n"+askNow+"\tsec += stepped()\n", 1)
	if changed == string(original) {
		return "", fmt.Errorf("time.Now in %s is not what is known here", timeDir)
	}
	return buildOtherwise(ctx, dir, map[string]string{filepath.Join(timeDir, "time.go"): changed, filepath.Join(timeDir, "stepped.go"): steppedNow})
}

// goRoot is where the sources of package time are.
func goRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "src", "time"), err
}

// clock is that of one server.
type clock string

// set makes it differ from the machine's.
func (c clock) set(by time.Duration) error {
	f, err := os.OpenFile(string(c), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], uint64(int64(by/time.Second)))
	_, err = f.WriteAt(b[:], 0)
	return err
}

// wrapper is a script that runs the server with something before it, as the same process.
func wrapper(path, before, binary string) error {
	return os.WriteFile(path, []byte("#!/bin/sh\nexec "+before+" '"+binary+"' \"$@\"\n"), 0o700)
}

// clocked gives each server a clock of its own.
func clocked(build func(context.Context, *Rig) error) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		binary, err := withClock(ctx, r.Dir)
		if err != nil {
			return err
		}
		r.wrap = func(n *Node) error {
			file := clock(filepath.Join(n.dir, "clock"))
			r.clocks = append(r.clocks, file)
			n.binary = filepath.Join(n.dir, "with-clock")
			if err := file.set(0); err != nil {
				return err
			}
			return wrapper(n.binary, "env "+clockVariable+"='"+string(file)+"'", binary)
		}
		return build(ctx, r)
	}
}

// most is how far a clock is set, less than what sessions live for in these set-ups.
const most = 5 * time.Hour

// setClock sets the clock of a server forwards or backwards.
func setClock(ctx context.Context, r *Rig) error {
	by := time.Duration(r.dice.Int64N(int64(2*most))) - most
	if err := r.clocks[r.dice.IntN(len(r.clocks))].set(by); err != nil {
		return err
	}
	return ctx.Err()
}
