package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"exeunt/internal/config"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/server"
	"exeunt/internal/store"
	"exeunt/internal/wire"
)

// running is a server whose settings change: what the store holds over the files, and the files themselves. Each change
// makes another server, which takes the place of the one before.
type running struct {
	server.Handlers
	store *store.Store
	log   *slog.Logger
	build func(*config.Config) (*server.Server, error) // on what does not change
	from  *loaded                                      // what the server was started with

	mu      sync.Mutex // of the fields below, and of whoever makes a change
	sources *config.Sources
	version int64 // of the settings that were tried last
	state   state
	deaf    bool // the store could not be read the last time
}

// state is what is in force.
type state struct {
	config  *config.Config
	origins config.Origins
	stored  config.Stored
	version int64
	changed time.Time
}

// loadStored loads what was read again, with what the store holds over it. Its error says which of that is in the way.
func loadStored(ctx context.Context, sources *config.Sources, s *store.Store) (state, error) {
	found, err := s.Settings(ctx)
	if err != nil {
		return state{}, fmt.Errorf("reading the settings: %w", err)
	}
	now, err := settled(sources, found)
	return now, explained(err)
}

// explained says of each problem of a configuration what the store has to do with it.
func explained(err error) error {
	var problems *config.Problems
	if errors.As(err, &problems) {
		return problems.Explained()
	}
	return err
}

func settled(sources *config.Sources, found store.Settings) (state, error) {
	next := state{version: found.Version, changed: found.ChangedAt}
	var err error
	if next.stored, err = config.ParseStored(found.Document); err != nil {
		return state{}, fmt.Errorf("reading the settings: %w", err)
	}
	next.config, next.origins, err = sources.Load(next.stored)
	return next, err
}

// use has a state take effect, on everything that can change while the server runs.
func (r *running) use(next state) error {
	next.config = r.from.Adopt(next.config)
	s, err := r.build(next.config)
	if err != nil {
		return err
	}
	s.Settings = r
	r.Use(s)
	r.state, r.version = next, next.version
	return nil
}

// lookEvery is how often the store is asked for the version of its settings.
const lookEvery = 500 * time.Millisecond

// follow has what other nodes set take effect here, until ctx ends.
func (r *running) follow(ctx context.Context) {
	for tick := time.NewTicker(lookEvery); ; {
		select {
		case <-tick.C:
			r.look(ctx)
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

// look reads the settings if they have another version. What cannot be read, or breaks a rule, changes nothing.
func (r *running) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*lookEvery)
	defer cancel()
	version, err := r.store.SettingsVersion(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hears(err) {
		r.hears(r.upTo(ctx, version))
	}
}

// hears says once that the store cannot be read, and once that it can be again.
func (r *running) hears(err error) bool {
	switch {
	case err != nil && !r.deaf:
		r.log.Error("the settings in the store cannot be read; those that were in force stay", "error", err)
	case err == nil && r.deaf:
		r.log.Info("the settings in the store can be read again")
	}
	r.deaf = err != nil
	return err == nil
}

// upTo has the settings of a version take effect, unless they were tried before.
func (r *running) upTo(ctx context.Context, version int64) error {
	if version == r.version {
		return nil
	}
	return r.refresh(ctx)
}

// refresh reads the settings and has them take effect. Its error is that the store cannot be read; settings that are not
// good with the files of this node are told in the log.
func (r *running) refresh(ctx context.Context) error {
	found, err := r.store.Settings(ctx)
	if err != nil {
		return err
	}
	next, err := settled(r.sources, found)
	if err == nil {
		err = r.use(next)
	}
	if r.version = found.Version; err != nil {
		r.complain("the settings in the store are not good for this node; those that were in force stay", err)
		return nil
	}
	r.log.Info("settings have changed", "version", found.Version)
	return nil
}

// complain logs what is wrong, each problem on a line of its own.
func (r *running) complain(what string, err error) {
	for _, problem := range problemsOf(explained(err)) {
		r.log.Error(what, "problem", problem)
	}
}

func problemsOf(err error) (all []string) {
	var problems *config.Problems
	if !errors.As(err, &problems) {
		return []string{err.Error()}
	}
	for _, p := range problems.List {
		all = append(all, p.String())
	}
	return all
}

// Show implements server.Settings.
func (r *running) Show(ctx context.Context) (wire.Settings, error) {
	version, err := r.store.SettingsVersion(ctx) // nobody waits for this one's look
	if err != nil {
		return wire.Settings{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.upTo(ctx, version)
	return r.state.show(), err
}

func (s state) show() wire.Settings {
	sources := map[string]string{}
	for _, path := range config.StoredKeys() {
		sources[path] = filepath.Base(s.origins.Of(path)) // folders are for whoever is on the machine
	}
	shown := wire.Settings{Version: s.version, Settings: config.Nested(s.config.Values()), Stored: config.Nested(s.stored), Sources: sources}
	if s.version > 0 {
		shown.ChangedAt = &s.changed
	}
	return shown
}

// errNotGood means that settings break rules of the configuration.
func errNotGood(err error) error {
	problems := problemsOf(err)
	return fault.Invalidf("settings_invalid", "The settings are not good: %s", strings.Join(problems, "; ")).WithDetail("problems", problems)
}

// Change implements server.Settings.
func (r *running) Change(ctx context.Context, patch map[string]any, version int64) (wire.Settings, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		found, err := r.store.Settings(ctx)
		if err != nil {
			return wire.Settings{}, err
		}
		if version >= 0 && version != found.Version {
			return wire.Settings{}, server.ErrSettingsChanged
		}
		done, err := r.change(ctx, found, patch)
		if err != nil || done {
			return r.state.show(), err
		}
	}
}

// change makes one attempt, and reports false if another node was faster.
func (r *running) change(ctx context.Context, found store.Settings, patch map[string]any) (bool, error) {
	before, err := settled(r.sources, found)
	if err != nil { // the files of this node have changed since; what is in force is what it was
		before.config = r.state.config
		if before.stored, err = config.ParseStored(found.Document); err != nil {
			return false, err
		}
	}
	stored, err := before.stored.Patched(patch)
	if err != nil {
		return false, errNotGood(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	after, err := settled(r.sources, store.Settings{Version: found.Version + 1, ChangedAt: now, Document: stored.Document()})
	if err != nil {
		return false, errNotGood(err)
	}
	if _, err := r.build(r.from.Adopt(after.config)); err != nil {
		return false, errNotGood(err)
	}
	changes := differences(before.config.Values(), after.config.Values())
	if stored.Document() == before.stored.Document() {
		return true, r.upTo(ctx, found.Version)
	}
	done, err := r.store.ChangeSettings(ctx, found.Version, stored.Document(), changes, now, identity.AdminIn(ctx))
	if err != nil || !done {
		return false, err
	}
	return true, r.use(after)
}

// differences are the settings that have another value afterwards.
func differences(before, after map[string]any) (changes []store.SettingChange) {
	for _, key := range slices.Sorted(maps.Keys(after)) {
		was, is := config.JSON(before[key]), config.JSON(after[key])
		if was != is {
			changes = append(changes, store.SettingChange{Key: key, Before: was, After: is})
		}
	}
	return changes
}
