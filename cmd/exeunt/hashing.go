package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/method/password"
)

// itself is this program's file, once it runs as a program; "" where it is a part of another one.
var itself string

// hasher makes and checks hashes as configured.
func hasher(c config.Hashers, log *slog.Logger) (*password.Hasher, error) {
	h, err := password.NewHasher(password.Params{
		Algorithm: c.Algorithm, Memory: c.Argon2.Memory, Iterations: uint32(c.Argon2.Iterations),
		Parallelism: uint32(c.Argon2.Parallelism), SaltLength: uint32(c.Argon2.SaltLength), KeyLength: uint32(c.Argon2.KeyLength),
		BcryptCost: c.BcryptCost, DedicatedMemory: c.Argon2.DedicatedMemory,
	})
	if err != nil {
		return nil, fmt.Errorf("hashers: %w", err)
	}
	if itself != "" {
		h.Workers = &password.Workers{Command: hashingProcess, Log: log}
	}
	return h, nil
}

const hashCommandName = "hash-passwords"

// hashingProcess prepares a process of this program that computes hashes. Nothing of the server's environment concerns it.
func hashingProcess() *exec.Cmd {
	return &exec.Cmd{Path: itself, Args: []string{os.Args[0], hashCommandName}, Env: []string{}}
}

// hashCommand is what the server starts for itself. It leaves when the server does, and not before: a signal that was meant
// for all processes of the server must not keep accepted requests from finishing.
func hashCommand() *cobra.Command {
	return &cobra.Command{
		Use: hashCommandName, Short: "Compute hashes for the server", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			return password.Work(os.Stdin, os.Stdout, func() { os.Exit(0) })
		},
	}
}
