package main

import (
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/store"
)

// fileFlag adds -c to a command.
func fileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "config", "c", nil, "configuration file (YAML); may be repeated, later files win")
}

// loaded is a configuration, and what it was read from.
type loaded struct {
	*config.Config
	origins config.Origins
	sources *config.Sources

	files, environ []string
	stamp          string // of the files, before they were read
}

// load reads the configuration; dev is the flag of that name.
func load(files []string, dev bool) (*loaded, error) {
	l := &loaded{files: files, environ: os.Environ(), stamp: stamp(files)}
	if dev {
		l.environ = append(l.environ, "DEV=true")
	}
	l.sources = l.read()
	var err error
	l.Config, l.origins, err = l.sources.Load(nil)
	return l, err
}

// read reads the files again.
func (l *loaded) read() *config.Sources { return config.Read(l.files, l.environ) }

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
			if _, err := loadSchemas(cmd.Context(), c.Config); err != nil {
				return err
			}
			if _, err := loadTokens(cmd.Context(), c.Config, slog.New(slog.DiscardHandler)); err != nil {
				return err
			}
			if _, err := hooks(c.Config); err != nil {
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
	cmd.AddCommand(check, configShowCommand(), configResetCommand())
	return cmd
}

func configShowCommand() *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use: "show", Short: "Show every key, its value, and where the value comes from", Args: cobra.NoArgs,
		Long: "Shows every key with its value and where that comes from: the default, a file and its line, the environment, or the\n" +
			"store, which goes before them all. A server may be running meanwhile. Secrets are not shown.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(files, false)
			if err != nil {
				return err
			}
			origins := c.origins
			found, err := store.SettingsBeside(cmd.Context(), dsn(c.Config))
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "note: what the store sets is missing here: %v\n", err)
			} else if found.Version > 0 {
				state, err := settled(c.sources, found)
				if err != nil {
					return explained(err)
				}
				origins = state.origins
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, line := range origins.Show() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", line.Path, line.Value, line.Origin)
			}
			return w.Flush()
		},
	}
	fileFlag(cmd, &files)
	return cmd
}
