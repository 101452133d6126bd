// Command exeunt is an identity and session server that ends sessions for good. It speaks the HTTP API of Ory Kratos.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
)

// version is set when a release is built.
var version string

func main() {
	itself = program()
	os.Exit(execute())
}

// program is this program's file, or "" where it cannot be found: nothing is done in other processes then. Linux has a name for it
// that leads to the one that runs, also when another version has taken its place since.
func program() string {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// execute carries out the command line and returns the exit code.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(os.Stdout, os.Stderr).ExecuteContext(ctx); err != nil {
		report(os.Stderr, err)
		if errors.Is(err, errRows) || errors.Is(err, errParts) || errors.Is(err, errFindings) || errors.Is(err, errDifferent) {
			return 3
		}
		return 1
	}
	return 0
}

// report prints an error. Problems of the configuration speak for themselves, a line each.
func report(w io.Writer, err error) {
	var problems *config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintf(w, "exeunt cannot start with this configuration:\n%v\n", problems)
		return
	}
	fmt.Fprintf(w, "exeunt: %v\n", err)
}

// command is the root of the command line.
func command(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "exeunt",
		Short: "An identity and session server that ends sessions for good",
		Long: "exeunt signs people in, keeps their sessions, and signs them out: finally, everywhere, at once.\n" +
			"It speaks the HTTP API of Ory Kratos. `exeunt serve` needs nothing else.",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(serveCommand(), migrateCommand(), backupCommand(), restoreCommand(), importCommand(), shadowCommand(), configCommand(), keysCommand(), sessionsCommand(), identitiesCommand(), eventsCommand(), doctorCommand(), tunnelCommand(), versionCommand(), hashCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}
