package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/store"
)

func backupCommand() *cobra.Command {
	var files []string
	var force bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy the data into a file", Args: cobra.ExactArgs(1),
		Long: "Writes all data, as it is at one moment, to a file that only its owner can read. Servers go on meanwhile. The file is\n" +
			"the same for SQLite and PostgreSQL: either can be restored from the other's. See `exeunt restore`.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(files, false)
			if err != nil {
				return err
			}
			b, err := backup(cmd.Context(), dsn(c.Config), args[0], force)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s holds %d identities and %d sessions (schema %d).\n", args[0], b.Rows["identities"], b.Rows["sessions"], b.Schema)
			if generated(c.Config) {
				fmt.Fprintf(out, "Keep a copy of %s too, elsewhere: without it, nobody gets in who has a second factor.\n", filepath.Join(dataFolder(c.Config), "secrets"))
			}
			return nil
		},
	}
	fileFlag(cmd, &files)
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if there is one")
	return cmd
}

// generated reports whether the secrets are in a file beside the data, and not in the configuration.
func generated(c *config.Config) bool { return len(c.Secrets.Cookie)+len(c.Secrets.Default) == 0 }

// backup writes a backup under another name first, so that path never names half of one.
func backup(ctx context.Context, from, path string, force bool) (b store.Backed, err error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return b, errTaken(path)
	}
	to, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*") // readable by its owner alone
	if err != nil {
		return b, fmt.Errorf("making the backup: %w", err)
	}
	defer os.Remove(to.Name())
	b, err = store.Backup(ctx, from, time.Now(), to)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return b, err
	}
	return b, place(to.Name(), path, force)
}

// place gives a complete file its name, and makes that durable.
func place(temporary, path string, force bool) error {
	put := os.Link // fails when there is such a file by now
	if force {
		put = os.Rename
	}
	if err := put(temporary, path); errors.Is(err, fs.ErrExist) {
		return errTaken(path)
	} else if err != nil {
		return fmt.Errorf("naming the backup: %w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func errTaken(path string) error {
	return fmt.Errorf("%s is there already: choose another name, or use --force to replace it", path)
}

func restoreCommand() *cobra.Command {
	var files []string
	var r store.Restoration
	var inPlace bool
	cmd := &cobra.Command{
		Use: "restore FILE | restore --in-place", Short: "Bring back the data of a backup, and end its sessions",
		Long: "Fills an empty database with a backup. What was signed in then may have been signed out since, which the backup does not\n" +
			"know: so every session in it is ended, and everybody signs in again. Stop the servers first.\n\n" +
			"After a database was restored in another way (pg_restore, a copied file, a snapshot), --in-place ends every session in it.",
		Args: func(_ *cobra.Command, args []string) error {
			if inPlace != (len(args) == 0) || len(args) > 1 {
				return errors.New("name one FILE that `exeunt backup` has made, or use --in-place without one")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if inPlace && (r.Force || r.KeepSessions) {
				return errors.New("--in-place ends all sessions and does nothing else; use it without --force and --keep-sessions")
			}
			c, err := load(files, false)
			if err != nil {
				return err
			}
			s, err := store.Open(cmd.Context(), dsn(c.Config), store.Options{})
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Migrate(cmd.Context()); err != nil {
				return err
			}
			r.Now = time.Now()
			if inPlace {
				return endRestored(cmd.Context(), s, r.Now, cmd.OutOrStdout())
			}
			return restore(cmd.Context(), s, args[0], r, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fileFlag(cmd, &files)
	cmd.Flags().BoolVar(&inPlace, "in-place", false, "end every session of the database as it is; on PostgreSQL, servers may run")
	cmd.Flags().BoolVar(&r.Force, "force", false, "replace the data that is there")
	cmd.Flags().BoolVar(&r.KeepSessions, "keep-sessions", false, "let sessions go on, those too that were ended after the backup")
	return cmd
}

func endRestored(ctx context.Context, s *store.Store, now time.Time, out io.Writer) error {
	n, err := s.EndRestored(ctx, now)
	if err == nil {
		_, err = fmt.Fprintf(out, "Sessions ended: %d. Everybody signs in again.\n", n)
	}
	return err
}

const keptWarning = "warning: --keep-sessions: whoever was signed in at the time of the backup is so again, also where a session was ended since:\n" +
	"by its holder, by an administrator, or because a password was changed. `exeunt restore --in-place` ends them all.\n"

func restore(ctx context.Context, s *store.Store, path string, r store.Restoration, out, warnings io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the backup: %w", err)
	}
	defer file.Close()
	b, n, err := s.Restore(ctx, file, r)
	switch {
	case errors.Is(err, store.ErrNotEmpty):
		return fmt.Errorf("%w: restore into an empty one, or use --force to replace its data", err)
	case err != nil:
		return fmt.Errorf("restoring %s: %w", path, err)
	case r.KeepSessions:
		fmt.Fprint(warnings, keptWarning)
	}
	fmt.Fprintf(out, "The data of %s is restored. Sessions ended: %d.\n", b.TakenAt.Format(time.RFC3339), n)
	fmt.Fprintln(out, "Passwords, second factors, settings and keys of the admin API are those of that time.")
	return nil
}
