package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// smallDisk runs servers on a PostgreSQL whose disk is small: a file system in memory that only a mount namespace knows,
// so that nothing of it is left when its last process ends. Who is not root needs a user namespace for that.
func smallDisk(nodes int, extra string) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		disk := filepath.Join(r.Dir, "disk")
		if err := os.Mkdir(disk, 0o755); err != nil {
			return err
		}
		holder, err := r.hold(disk)
		if err != nil {
			return err
		}
		inside := []string{"nsenter", "-t", fmt.Sprint(holder), "-m"}
		if os.Geteuid() != 0 {
			inside = append(inside, "-U", "--preserve-credentials")
		}
		r.disk = fmt.Sprintf("/proc/%d/root%s", holder, disk)
		dsn, err := r.databaseIn(ctx, filepath.Join(disk, "cluster"), inside, "log_min_messages = 'fatal'")
		if err != nil {
			return err
		}
		r.places[len(r.places)-1] = filepath.Join(r.disk, "cluster")
		return r.addAll(nodes, dsn, extra)
	}
}

const diskSize = "480m"

// hold keeps a namespace with the small disk, and returns the process that does.
func (r *Rig) hold(disk string) (pid int, err error) {
	args := []string{"-m"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-current-user", "--keep-caps")
	}
	args = append(args, "sh", "-c", `mount -t tmpfs -o mode=755,size=`+diskSize+` none "$1" && echo ready && exec sleep infinity`, "sh", disk)
	cmd := exec.Command("unshare", args...)
	var failed strings.Builder
	cmd.Stderr = &failed
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	r.atEnd(func() error {
		_ = cmd.Process.Kill() // and with it goes the disk
		_ = cmd.Wait()
		return nil
	})
	if said := bufio.NewScanner(out); !said.Scan() || said.Text() != "ready" {
		return 0, fmt.Errorf("no disk of its own for the database: %s", failed.String())
	}
	return cmd.Process.Pid, nil
}

// fillDisk leaves the database no room, for a while.
func fillDisk(ctx context.Context, r *Rig) error {
	filler := filepath.Join(r.disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		return err
	}
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err = f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(fmt.Errorf("the disk is not full: %w", err), f.Close())
	}
	err = wait(ctx, 3*time.Second)
	if err := errors.Join(err, f.Close(), os.Remove(filler)); err != nil {
		return err
	}
	if r.pg.ctl(ctx, "status") != nil { // it gives up when it cannot write its log
		if err := r.pg.ctl(ctx, "start"); err != nil {
			return err
		}
	}
	return r.recover()
}
