package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// source is where a key set comes from. Templates that name the same file share it.
type source struct {
	name    string // for errors
	path    string // "" if the set cannot change
	current atomic.Pointer[set]
	seen    os.FileInfo // of the file when it was read; nil if it could not be
	told    string      // what is wrong with it, as it was logged; "" if nothing is
}

// set is one content of a source. A new content is a new set.
type set struct{ keys []*key }

func (s *source) signing(now time.Time) *key { return newest(s.current.Load().keys, now) }

// source is that of a template's keys.
func (t *Tokenizer) source(of Template) (*source, error) {
	for _, s := range t.sources {
		if of.KeysFile != "" && s.path == of.KeysFile {
			return s, nil
		}
	}
	s := &source{name: fmt.Sprintf("the key set of the template %q", of.Name), path: of.KeysFile}
	s.current.Store(&set{})
	t.sources = append(t.sources, s)
	var err error
	if s.path == "" {
		err = t.take(s, of.Keys)
	} else {
		s.name = "the key file " + s.path
		_, err = t.reread(s)
	}
	return s, err
}

const longestKeys = 1 << 20 // bytes

func readKeys(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, longestKeys+1))
	if len(raw) > longestKeys {
		return nil, fmt.Errorf("it is longer than %d bytes", longestKeys)
	}
	return raw, err
}

// take puts a key set into use, if it is right and shares no id with a different key of another source: the published
// set holds them all.
func (t *Tokenizer) take(s *source, raw []byte) error {
	keys, problems := parseKeys(raw)
	for _, k := range keys {
		for _, other := range t.sources {
			if other != s && other.disputes(k) {
				problems = append(problems, fmt.Errorf("the kid %q is that of a different key in %s; give each key an id of its own", k.id, other.name))
			}
		}
	}
	if len(problems) == 0 {
		s.current.Store(&set{keys})
	}
	for i, p := range problems {
		problems[i] = fmt.Errorf("%s: %w", s.name, p)
	}
	return errors.Join(problems...)
}

// disputes reports whether the source has another key with the same id.
func (s *source) disputes(k *key) bool {
	for _, own := range s.current.Load().keys {
		if own.id == k.id && k.id != "" && !own.same(k) {
			return true
		}
	}
	return false
}

// lookEvery is how often key files are looked at.
const lookEvery = time.Second

// Watch looks at the key files again and again, until ctx ends. A file that has become unreadable or wrong changes
// nothing, and is told once.
func (t *Tokenizer) Watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.look()
		}
	}
}

func (t *Tokenizer) look() {
	for _, s := range t.sources {
		if s.path == "" {
			continue
		}
		again, err := t.reread(s)
		switch {
		case err != nil && err.Error() != s.told:
			s.told = err.Error()
			t.log.Error("a key file cannot be used; the last good one stays in use", "error", s.told)
		case err == nil && again:
			s.told = ""
			t.log.Info("a key file was read again", "file", s.path)
		}
	}
}

// reread takes a key file if it has changed, and reports whether it did.
func (t *Tokenizer) reread(s *source) (bool, error) {
	info, err := os.Stat(s.path)
	if err == nil && sameFile(info, s.seen) {
		return false, nil
	}
	s.seen = nil
	if err != nil {
		return false, s.unreadable(err)
	}
	raw, err := readKeys(s.path)
	if err != nil {
		return false, s.unreadable(err)
	}
	s.seen = info
	return true, t.take(s, raw)
}

// unreadable names the file once.
func (s *source) unreadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("%s: cannot be read: %w", s.name, err)
}

// sameFile reports whether a file is as it was: the same one, of the same length, changed at the same time.
func sameFile(now, before os.FileInfo) bool {
	return before != nil && os.SameFile(now, before) && now.Size() == before.Size() && now.ModTime().Equal(before.ModTime())
}
