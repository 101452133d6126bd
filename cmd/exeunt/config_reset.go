package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/identity"
	"exeunt/internal/store"
)

func configResetCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "reset KEY…", Short: "Take settings of the store back, so that files and environment hold again", Args: cobra.MinimumNArgs(1),
		Long: "Takes back what was set in the console or with PATCH /admin/settings. It works on the database itself, also when a server would not\n" +
			"start because its files do not go with a setting. A SQLite database that a server is using cannot be opened beside it: the command\n" +
			"then asks that server, with the key in " + keyVariable + " once there is one.",
		Example: "  exeunt config reset session.lifespan session.max_lifespan",
		RunE: func(cmd *cobra.Command, keys []string) error {
			for _, key := range keys {
				if !slices.Contains(config.StoredKeys(), key) {
					return fmt.Errorf("%q is no setting that the store may hold; write some of %s", key, strings.Join(config.StoredKeys(), ", "))
				}
			}
			c, err := load(files, false)
			if err != nil {
				return err
			}
			if err := resetIn(cmd.Context(), c.Config, keys); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The store (%s) sets none of these any more: %s\n", storeName(c.Config), strings.Join(keys, ", "))
			return err
		},
	}
	fileFlag(cmd, &files)
	return cmd
}

// resetIn takes settings out of the store of a configuration, or has the server do so that has it.
func resetIn(ctx context.Context, c *config.Config, keys []string) error {
	if c.DSN == "memory" {
		return resetBeside(ctx, c, keys)
	}
	s, err := store.Open(ctx, dsn(c), store.Options{})
	switch {
	case errors.Is(err, store.ErrLocked):
		return resetBeside(ctx, c, keys)
	case err != nil:
		return err
	}
	return errors.Join(reset(ctx, s, c, keys), s.Close())
}

// resetBeside asks the server that has the database.
func resetBeside(ctx context.Context, c *config.Config, keys []string) error {
	address, err := adminAddress(c)
	if err != nil {
		return fmt.Errorf("a server has the database, and %w", err)
	}
	none := map[string]any{}
	for _, key := range keys {
		none[key] = nil
	}
	return newAdminClient(address).call(ctx, http.MethodPatch, "/admin/settings", config.Nested(none), nil)
}

// reset takes settings out of a store. c is what files and environment say by themselves.
func reset(ctx context.Context, s *store.Store, c *config.Config, keys []string) error {
	if err := s.Migrated(ctx); err != nil {
		return err
	}
	for {
		found, err := s.Settings(ctx)
		if err != nil {
			return err
		}
		stored, err := config.ParseStored(found.Document)
		if err != nil {
			return fmt.Errorf("reading the settings: %w", err)
		}
		changes := takenBack(stored, c.Values(), keys)
		if len(changes) == 0 {
			return nil
		}
		done, err := s.ChangeSettings(ctx, found.Version, stored.Without(keys).Document(), changes, time.Now().UTC().Truncate(time.Microsecond), identity.AdminIn(ctx))
		if err != nil || done {
			return err
		}
	}
}

// takenBack is what changes when the values of files hold again.
func takenBack(stored config.Stored, values map[string]any, keys []string) (changes []store.SettingChange) {
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		if before, ok := stored[key]; ok {
			changes = append(changes, store.SettingChange{Key: key, Before: string(before), After: config.JSON(values[key])})
		}
	}
	return changes
}
