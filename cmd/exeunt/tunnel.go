package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/tunnel"
)

const defaultTunnel = "http://localhost:4000"

func tunnelCommand() *cobra.Command {
	var server string
	var insteadOf []string
	cmd := &cobra.Command{
		Use: "tunnel APP-URL [TUNNEL-URL]", Short: "One local origin for an application in development and the public API", Args: cobra.RangeArgs(1, 2),
		Long: "Serves the public API of an exeunt and, everywhere else, an application, both at one address of this machine, " + defaultTunnel + "\n" +
			"if nothing else is said. Cookies are first-party there; addresses in answers lead to the tunnel; exeunt's configuration\n" +
			"needs to know neither the tunnel nor the application. It is for development, and listens on loopback addresses alone.\n" +
			"See examples/README.md and docs/operations.md.",
		Example: "  exeunt tunnel http://localhost:3000\n  exeunt tunnel http://localhost:5173 http://localhost:8000 --server https://auth.example.com --instead-of https://app.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			own := defaultTunnel
			if len(args) > 1 {
				own = args[1]
			}
			t, err := tunnel.New(own, args[0], server, insteadOf)
			if err != nil {
				return err
			}
			return runTunnel(cmd.Context(), t, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://127.0.0.1:4433", "public base URL of exeunt, as its serve.public.base_url says")
	cmd.Flags().StringArrayVar(&insteadOf, "instead-of", nil, "origin of the application as it is deployed: where exeunt sends browsers there, they come to the tunnel; may be repeated")
	return cmd
}

// runTunnel serves until ctx ends. Streams have no end of their own, so nothing is waited for then.
func runTunnel(ctx context.Context, t *tunnel.Tunnel, out io.Writer) error {
	listeners, err := t.Listen()
	if err != nil {
		return err
	}
	s := t.HTTP()
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- s.Serve(l) }()
	}
	fmt.Fprintf(out, "exeunt tunnel\n  open         %s\n  application  %s\n  exeunt       %s\n", t.Own(), t.App(), t.Server())
	for _, side := range [][2]string{{"the application", t.App()}, {"exeunt", t.Server() + "health/alive"}} {
		if err := answers(ctx, side[1]); err != nil {
			fmt.Fprintf(out, "  note: no answer from %s yet: %v\n", side[0], err)
		}
	}
	select {
	case <-ctx.Done():
		return s.Close()
	case err := <-failed:
		s.Close()
		return err
	}
}

// answers reports whether anybody answers at an address, whatever they say.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}
