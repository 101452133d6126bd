package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/admin"
	"exeunt/internal/config"
	"exeunt/internal/courier"
	"exeunt/internal/metrics"
	"exeunt/internal/server"
	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/tracing"
)

func serveCommand() *cobra.Command {
	var files []string
	var dev, migrate bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: "Runs the server until it is told to stop (SIGTERM or SIGINT); it then finishes what it has accepted and exits.\n" +
			"Without arguments it serves on 127.0.0.1:4433 (public) and 127.0.0.1:4434 (admin) and keeps its data in ./exeunt-data.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(files, dev)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, migrate, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fileFlag(cmd, &files)
	cmd.Flags().BoolVar(&dev, "dev", false, "relax what only local http needs: cookies without Secure; never use it in production")
	cmd.Flags().BoolVar(&migrate, "migrate", false, "bring a PostgreSQL database up to date first")
	return cmd
}

// serve runs everything until ctx ends.
func serve(ctx context.Context, l *loaded, migrate bool, stdout, stderr io.Writer) error {
	c := l.Config
	log := logger(c.Log, stderr)
	m := metrics.New()
	tracer, err := traces(ctx, c.Tracing, log)
	if err != nil {
		return err
	}
	o := store.Options{Meter: m, Log: log, CacheBytes: int64(c.Session.CacheMaxBytes) / 4 * 3}
	if tracer != nil {
		o.Tracer = tracer
		defer func() { _ = tracer.Close(context.WithoutCancel(ctx)) }() // what is not taken in time is told by the tracer
	}
	s, err := store.Open(ctx, dsn(c), o)
	if err != nil {
		return err
	}
	defer s.Close()
	if migrate {
		err = s.Migrate(ctx)
	} else {
		err = s.Migrated(ctx)
	}
	if err != nil {
		return err
	}
	life, over := context.WithCancel(context.WithoutCancel(ctx))
	defer over()
	limitMemory(life, c, func() uint64 { return uint64(s.Stats().CachedBytes) })
	lookWhileSweeping(life)
	gauges(m, s)
	post, err := newCourier(c, s, m, log)
	if err != nil {
		return err
	}
	if err := post.Register(ctx); err != nil {
		return err
	}
	if err := locked(ctx, c, s); err != nil {
		return err
	}
	doors, err := open(c)
	if err != nil {
		return err
	}
	r, err := run(context.WithoutCancel(ctx), l, s, post, m, tracer, log) // whoever is told to stop now leaves in order, a moment later
	if err != nil {
		return errors.Join(err, doors.close())
	}
	greet(stdout, c)
	working, rest := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	first := r.Server()
	work.Go(func() { first.Sessions.Uses.Run(working, func() *session.Manager { return r.Server().Sessions }, log) })
	work.Go(func() { collector(c.Session.Cleanup, s, log).Run(working) })
	work.Go(func() { first.Tokens.Watch(working) })
	work.Go(func() { r.follow(working) })
	work.Go(func() { post.Events.Run(working) })
	work.Go(func() { r.watch(working) })
	if c.Log.Audit != "" {
		work.Go(func() { audit(c.Log, post.Events, log).Run(working) })
	}
	if len(post.Hooks) > 0 {
		work.Go(func() { post.Run(working) })
	}
	err = doors.serve(ctx, &r.Handlers, log)
	rest()
	work.Wait()
	if err == nil {
		fmt.Fprintln(stdout, "exeunt has finished what it had accepted, and leaves.")
	}
	return err
}

// run makes the server, as files and store want it at the moment.
func run(ctx context.Context, l *loaded, s *store.Store, post *courier.Courier, m *metrics.Metrics, tracer *tracing.Tracer, log *slog.Logger) (*running, error) {
	p, err := prepare(ctx, l.Config, s, post, m, log)
	if err != nil {
		return nil, err
	}
	p.tracer = tracer
	now, err := loadStored(ctx, l.sources, s)
	if err != nil {
		return nil, err
	}
	r := &running{store: s, log: log, build: p.build, from: l, sources: l.sources}
	return r, r.use(now)
}

// locked fails when others would reach the admin API, and there is no key that would keep them out.
func locked(ctx context.Context, c *config.Config, s *store.Store) error {
	if c.Serve.Admin.Local() {
		return nil
	}
	kept, err := admin.NewKeyring(s).Locked(ctx)
	if err == nil && !kept {
		err = fmt.Errorf("serve.admin.host: %q is not a loopback address, and there is no key that would keep strangers out of the admin API. "+
			"Make one first with `exeunt keys create NAME --scope all`, or write 127.0.0.1", c.Serve.Admin.Host)
	}
	return err
}

// doors are the two listeners.
type doors struct {
	public, admin net.Listener
	bounds        [2]server.Connections // of each
}

// open listens, and completes base addresses that depend on the port found.
func open(c *config.Config) (*doors, error) {
	public, err := listen(c.Serve.Public.Host, c.Serve.Public.Port, "serve.public")
	if err != nil {
		return nil, err
	}
	admin, err := listen(c.Serve.Admin.Host, c.Serve.Admin.Port, "serve.admin")
	if err != nil {
		return nil, errors.Join(err, public.Close())
	}
	if c.Serve.Public.BaseURL == "" {
		c.Serve.Public.BaseURL = "http://" + public.Addr().String() + "/"
	}
	if c.Serve.Admin.BaseURL == "" {
		c.Serve.Admin.BaseURL = "http://" + admin.Addr().String() + "/"
	}
	p := c.Serve.Public
	return &doors{public, admin, [2]server.Connections{
		{Max: p.MaxConnections, PerClient: p.PerClient, Proxies: p.TrustedProxies}, {Max: c.Serve.Admin.MaxConnections},
	}}, nil
}

func listen(host string, port int, key string) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("%s.port: cannot listen on port %d: %w. Stop what uses it, or choose another port", key, port, err)
	}
	return l, nil
}

func (d *doors) close() error { return errors.Join(d.public.Close(), d.admin.Close()) }

// drainTime is how long accepted requests may take to finish after the server was told to stop.
const drainTime = 30 * time.Second

// serve answers on both listeners until ctx ends, then finishes what was accepted.
func (d *doors) serve(ctx context.Context, h *server.Handlers, log *slog.Logger) error {
	servers := []*http.Server{server.HTTP(h.Public(), log), server.HTTP(h.Admin(), log)}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{d.public, d.admin} {
		bounded := d.bounds[i].Listen(l, servers[i])
		go func() { failed <- servers[i].Serve(bounded) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	h.Server().EndStreams()
	drain(context.WithoutCancel(ctx), servers, log)
	return err
}

// drain lets all servers finish what they have accepted, at the same time, and cuts off what takes too long.
func drain(ctx context.Context, servers []*http.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	var draining sync.WaitGroup
	for _, one := range servers {
		draining.Go(func() {
			if err := one.Shutdown(ctx); err != nil {
				log.Warn("some requests did not finish in time and were cut off", "error", errors.Join(err, one.Close()))
			}
		})
	}
	draining.Wait()
}

func logger(c config.Log, w io.Writer) *slog.Logger {
	levels := map[string]slog.Level{"trace": slog.LevelDebug - 4, "debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}
	o := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// greet says where everything is.
func greet(w io.Writer, c *config.Config) {
	fmt.Fprintf(w, "exeunt %s\n  public API  %s\n  admin API   %s\n  console     %sconsole/\n  store       %s\n", versionText(),
		c.Serve.Public.BaseURL, c.Serve.Admin.BaseURL, c.Serve.Admin.BaseURL, storeName(c))
	if c.Dev {
		fmt.Fprintln(w, "  --dev       cookies are sent without Secure, so that plain http works. Not for production.")
	}
	for _, n := range c.Notices {
		fmt.Fprintln(w, "  note:", n)
	}
}

// storeName describes the store without its credentials.
func storeName(c *config.Config) string {
	name := dsn(c)
	for _, prefix := range []string{"postgres://", "postgresql://", "cockroach://"} {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			return "PostgreSQL"
		}
	}
	return name
}
