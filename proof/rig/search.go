package rig

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"exeunt/proof/history"
)

// search looks for every secret that was handed out in the files of databases, their logs and dumps.
func (r *Rig) search(ctx context.Context, h *history.Writer) error {
	hunt := newHunt(r.world.Secrets())
	if r.pg != nil {
		dump, err := script(ctx, r.pg.inside, "dump", r.pg.dir)
		if err != nil {
			return err
		}
		s := &history.Search{Where: "dump", Secrets: hunt.size}
		hunt.text("dump", []byte(dump), s)
		h.Add(history.Entry{Search: s}, nil)
	}
	for _, place := range r.places {
		s := &history.Search{Where: filepath.Base(place), Secrets: hunt.size}
		err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // databases tidy up
				return nil
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			return hunt.file(path, s)
		})
		if err != nil {
			return fmt.Errorf("searching %s: %w", place, err)
		}
		h.Add(history.Entry{Search: s}, nil)
	}
	return nil
}

// raced fails when a server that was built with the race detector has found something.
func (r *Rig) raced() error {
	for _, n := range r.nodes {
		log, err := os.ReadFile(filepath.Join(n.dir, "log"))
		if err != nil {
			return err
		}
		if at := bytes.Index(log, []byte("WARNING: DATA RACE")); at >= 0 {
			return fmt.Errorf("two goroutines of a server were in each other's way:\n%s", log[at:min(at+8000, len(log))])
		}
	}
	return nil
}

// hunt finds any of many secrets, by the eight letters that follow the first few.
type hunt struct {
	size   int
	byCore map[uint64][]string
}

const (
	coreAt   = 7 // behind what all of a kind begin with
	coreSize = 8
)

func newHunt(secrets []string) *hunt {
	h := &hunt{byCore: map[uint64][]string{}}
	for _, s := range secrets {
		if len(s) < coreAt+coreSize {
			continue
		}
		s, _, _ = strings.Cut(s, ".") // a cookie holds its date behind the token
		h.size++
		core := binary.LittleEndian.Uint64([]byte(s[coreAt:]))
		h.byCore[core] = append(h.byCore[core], s[coreAt:min(len(s), coreAt+24)])
	}
	return h
}

const mostFound = 20

func (h *hunt) file(path string, s *history.Search) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	h.text(filepath.Base(path), b, s)
	return nil
}

func (h *hunt) text(name string, b []byte, s *history.Search) {
	s.Bytes += int64(len(b))
	for i := 0; i+coreSize <= len(b) && len(s.Found) < mostFound; i++ {
		for _, secret := range h.byCore[binary.LittleEndian.Uint64(b[i:])] {
			if bytes.HasPrefix(b[i:], []byte(secret)) {
				s.Found = append(s.Found, fmt.Sprintf("%s at %d", name, i))
			}
		}
	}
}
