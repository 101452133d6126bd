package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
)

// fileFlag adds -c to a command.
func fileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "config", "c", nil, "configuration file (YAML); may be repeated, later files win")
}

// load reads the configuration; dev is the flag of that name.
func load(files []string, dev bool) (*config.Config, error) {
	environment := os.Environ()
	if dev {
		environment = append(environment, "DEV=true")
	}
	return config.Load(files, environment)
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look after the configuration"}
	var files []string
	check := &cobra.Command{
		Use: "check", Short: "Check configuration files and report every problem", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(files, false)
			if err != nil {
				return err
			}
			if _, err := loadSchemas(cmd.Context(), c); err != nil {
				return err
			}
			if _, err := loadTokens(cmd.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
				return err
			}
			if _, err := hooks(c); err != nil {
				return err
			}
			for _, n := range c.Notices {
				fmt.Fprintln(cmd.OutOrStdout(), "note:", n)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "The configuration is good.")
			return err
		},
	}
	fileFlag(check, &files)
	cmd.AddCommand(check)
	return cmd
}
