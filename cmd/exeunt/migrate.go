package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"exeunt/internal/store"
)

func migrateCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date", Args: cobra.NoArgs,
		Long: "Brings the database up to date and exits. On SQLite, serve does this by itself; on PostgreSQL run it before\n" +
			"starting a new version, or use serve --migrate. Several nodes may do it at once.",
		RunE: func(cmd *cobra.Command, _ []string) error {
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
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "The database is up to date.")
			return err
		},
	}
	fileFlag(cmd, &files)
	return cmd
}
