package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// watchEvery is how often files are looked at. One that has changed is read when it has not changed further at the next
// look: half of a file may be good by itself.
const watchEvery = 400 * time.Millisecond

// watch reads the configuration's files again when one of them changes or somebody asks for it (SIGHUP), until ctx ends.
func (r *running) watch(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for read, seen := r.from.stamp, r.from.stamp; ; {
		select {
		case <-asked:
			read = stamp(r.from.files)
			r.reload()
		case <-tick.C:
			now := stamp(r.from.files)
			if now == seen && now != read {
				read = now
				r.reload()
			}
			seen = now
		case <-ctx.Done():
			return
		}
	}
}

// stamp is another text when a file is another one, or was written to.
func stamp(files []string) string {
	var b strings.Builder
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			b.WriteString(err.Error() + "\n")
			continue
		}
		b.WriteString(info.ModTime().String() + " " + info.Mode().String() + " ")
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			fmt.Fprint(&b, s.Ino, " ", s.Size)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// untried is the version of no settings.
const untried = -1

// reload reads the files. Files that are not good, with what the store holds over them, change nothing. The store itself is
// not asked: it may be away, and what it holds is known.
func (r *running) reload() {
	r.mu.Lock()
	defer r.mu.Unlock()
	sources, next := r.from.read(), r.state
	var err error
	if next.config, next.origins, err = sources.Load(next.stored); err == nil {
		tried := r.version
		if err = r.use(next); err == nil && tried != next.version {
			r.version = untried // what did not go with the files before may go with these
		}
	}
	if err != nil {
		r.complain("the configuration was not reloaded; what was in force stays", err)
		return
	}
	r.sources = sources
	if waiting := r.from.origins.Restart(next.origins); len(waiting) > 0 {
		r.log.Warn("the configuration was reloaded; some keys that changed take effect after a restart", "keys", strings.Join(waiting, ", "))
		return
	}
	r.log.Info("the configuration was reloaded")
}
