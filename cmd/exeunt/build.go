package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"

	"exeunt/internal/admin"
	"exeunt/internal/config"
	"exeunt/internal/courier"
	"exeunt/internal/identity"
	"exeunt/internal/method/password"
	"exeunt/internal/metrics"
	"exeunt/internal/server"
	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/token"
	"exeunt/internal/tracing"
	"exeunt/internal/ui"
	"exeunt/internal/vault"
	"exeunt/internal/wire"
)

const defaultFolder = "exeunt-data"

// dsn is where the store is.
func dsn(c *config.Config) string {
	if c.DSN == "" {
		return "sqlite://" + filepath.Join(defaultFolder, "exeunt.sqlite")
	}
	return c.DSN
}

// dataFolder is where the server keeps what it generates: beside a SQLite database.
func dataFolder(c *config.Config) string {
	scheme, rest, _ := strings.Cut(dsn(c), "://")
	if scheme != "sqlite" && scheme != "sqlite3" {
		return defaultFolder
	}
	path, _, _ := strings.Cut(rest, "?")
	return filepath.Dir(path)
}

// parts are what a server is built of that stays the same while it runs.
type parts struct {
	store      *store.Store
	meter      *metrics.Metrics
	log        *slog.Logger
	post       *courier.Courier
	uses       *session.Uses
	identities *identity.Manager
	hasher     *password.Hasher
	signing    [][]byte
	vault      *vault.Vault
	pages      *ui.Pages
	console    *ui.Console
	tokens     *token.Tokenizer
	adminKeys  *admin.Keyring
	tracer     *tracing.Tracer // nil for none
}

// prepare makes what stays.
func prepare(ctx context.Context, c *config.Config, s *store.Store, post *courier.Courier, m *metrics.Metrics, log *slog.Logger) (*parts, error) {
	schemas, err := loadSchemas(ctx, c)
	if err != nil {
		return nil, err
	}
	signing, err := secrets(c)
	if err != nil {
		return nil, err
	}
	hasher, err := hasher(c.Hashers, log)
	if err != nil {
		return nil, err
	}
	pages, err := builtIn(ctx, c)
	if err != nil {
		return nil, err
	}
	console, err := builtInConsole(c)
	if err != nil {
		return nil, err
	}
	tokens, err := loadTokens(ctx, c, log)
	if err != nil {
		return nil, err
	}
	return &parts{
		store: s, meter: m, log: log, post: post, uses: session.NewUses(), hasher: hasher, signing: signing, pages: pages, console: console, tokens: tokens,
		identities: &identity.Manager{Store: s, Schemas: schemas, Hasher: hasher}, vault: newVault(c, signing), adminKeys: admin.NewKeyring(s),
	}, nil
}

// newVault closes with the secrets for data, and opens what was closed with those of the server as well.
func newVault(c *config.Config, signing [][]byte) *vault.Vault {
	return vault.New(append(keys(c.Secrets.Cipher), signing...))
}

// build makes a server of the parts, by a configuration.
func (p *parts) build(c *config.Config) (*server.Server, error) {
	sessions := &session.Manager{Store: p.store, Finder: p.store, Rules: sessionRules(c.Session), Meter: p.meter, Uses: p.uses, Key: p.signing[0]}
	flows, err := engine(c, p, sessions)
	if err != nil {
		return nil, err
	}
	where, err := places(c)
	if err != nil {
		return nil, err
	}
	srv := &server.Server{
		Session: sessionCookie(c.Session.Cookie), CSRF: attributes(c.Cookies), CORS: server.CORS(c.Serve.Public.CORS), Places: where, Pages: p.pages, Console: p.console,
		ClearBrowserData: c.SelfService.Logout.ClearBrowserData, Tokens: p.tokens, CacheFor: c.Session.Cacheable, CacheMax: c.Session.CacheableMaxAge,
		Sessions: sessions, Identities: p.identities, Flows: flows, Schemas: p.identities.Schemas, Exchanges: p.store, Events: p.post.Events, Hooks: p.post,
		AdminKeys: p.adminKeys, AdminLocal: c.Serve.Admin.Local(),
		Vault: p.vault, View: wire.View{Base: c.Serve.Public.BaseURL}, AdminBase: c.Serve.Admin.BaseURL, TrustedProxies: c.Serve.Public.TrustedProxies,
		FasterExtend: c.Session.FasterExtend, LogChecks: c.Log.Checks, Version: versionText(), Keys: p.signing, FailedAttempts: c.Serve.Public.FailedAttempts,
		Ready: []server.Dependency{{Name: "database", Check: p.store.Ping}}, Metrics: p.meter.Handler(), Meter: p.meter, Log: p.log,
	}
	if p.tracer != nil {
		srv.Tracer = p.tracer
	}
	if cookies := elsewhere(c); cookies != nil {
		srv.Elsewhere = cookies
	}
	return srv, nil
}

func sessionRules(c config.Session) session.Rules {
	r := session.Rules{
		Lengths: session.Lengths{Lifespan: c.Lifespan, Remembered: c.RememberMe, Max: c.MaxLifespan, Idle: c.IdleTimeout},
		Sliding: c.Sliding, Debounce: c.ExtendDebounce, RequiredAAL: session.RequiredAAL(c.RequiredAAL),
		Limit: session.Limit{Max: c.Limit.Max, Policy: session.Policy(c.Limit.Policy)},
	}
	if c.EarliestPossibleExtend > 0 {
		r.Window = &c.EarliestPossibleExtend
	}
	return r
}

func policy(c config.Password, h *password.Hasher) password.Policy {
	p := password.Policy{MinLength: c.MinLength, MaxLength: h.MaxLength(), SimilarityCheck: c.SimilarityCheck}
	if c.Breaches.Enabled {
		p.Breaches = &password.Breaches{Host: c.Breaches.Host, Max: c.Breaches.Max, IgnoreNetworkErrors: c.Breaches.IgnoreNetworkErrors}
	}
	return p
}

func collector(c config.Cleanup, s *store.Store, log *slog.Logger) *store.Collector {
	return &store.Collector{Store: s, Log: log, Interval: c.Interval, Batch: c.BatchSize, Margin: c.TombstoneMargin, Retention: c.EventRetention}
}

// gauges shows the state of the store.
func gauges(m *metrics.Metrics, s *store.Store) {
	m.Gauge("exeunt_store_connections", "Connections to the database.", func() float64 { return float64(s.Stats().Open) })
	m.Gauge("exeunt_store_connections_in_use", "Connections that are busy.", func() float64 { return float64(s.Stats().InUse) })
	m.Gauge("exeunt_store_connections_max", "Most connections allowed.", func() float64 { return float64(s.Stats().Max) })
	m.Gauge("exeunt_store_connection_waits", "How often a caller had to wait for a connection.", func() float64 { return float64(s.Stats().Waited) })
	m.Gauge("exeunt_store_cached_sessions", "Live sessions held in memory, ready to be shown (SQLite).", func() float64 { return float64(s.Stats().CachedSessions) })
}
