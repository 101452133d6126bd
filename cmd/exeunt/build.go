package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"exeunt/internal/config"
	"exeunt/internal/courier"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/method/password"
	"exeunt/internal/metrics"
	"exeunt/internal/server"
	"exeunt/internal/session"
	"exeunt/internal/store"
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

// build makes the server on a store.
func build(ctx context.Context, c *config.Config, s *store.Store, post *courier.Courier, m *metrics.Metrics, log *slog.Logger) (*server.Server, error) {
	schemas, err := loadSchemas(ctx, c)
	if err != nil {
		return nil, err
	}
	keys, err := secrets(c)
	if err != nil {
		return nil, err
	}
	hasher, err := password.NewHasher(hashing(c.Hashers))
	if err != nil {
		return nil, fmt.Errorf("hashers: %w", err)
	}
	sessions := &session.Manager{Store: s, Rules: sessionRules(c.Session), Meter: m}
	identities := &identity.Manager{Store: s, Schemas: schemas, Hasher: hasher}
	flows, err := engine(c, s, sessions, identities, hasher, m)
	if err != nil {
		return nil, err
	}
	where, err := places(c)
	if err != nil {
		return nil, err
	}
	pages, err := builtIn(ctx, c)
	if err != nil {
		return nil, err
	}
	return &server.Server{
		Session: sessionCookie(c.Session.Cookie), CSRF: attributes(c.Cookies), CORS: server.CORS(c.Serve.Public.CORS), Places: where, Pages: pages,
		ClearBrowserData: c.SelfService.Logout.ClearBrowserData,
		Sessions:         sessions, Identities: identities, Flows: flows, Schemas: schemas, Events: post.Events, Hooks: post,
		View: wire.View{Base: c.Serve.Public.BaseURL}, AdminBase: c.Serve.Admin.BaseURL, TrustedProxies: c.Serve.Public.TrustedProxies,
		FasterExtend: c.Session.FasterExtend, LogChecks: c.Log.Checks, Version: versionText(), Keys: keys, FailedAttempts: c.Serve.Public.FailedAttempts,
		Ready: []server.Dependency{{Name: "database", Check: s.Ping}}, Metrics: m.Handler(), Meter: m, Log: log,
	}, nil
}

func hashing(h config.Hashers) password.Params {
	return password.Params{
		Algorithm: h.Algorithm, Memory: h.Argon2.Memory, Iterations: uint32(h.Argon2.Iterations),
		Parallelism: uint32(h.Argon2.Parallelism), SaltLength: uint32(h.Argon2.SaltLength), KeyLength: uint32(h.Argon2.KeyLength),
		BcryptCost: h.BcryptCost, DedicatedMemory: h.Argon2.DedicatedMemory,
	}
}

func sessionRules(c config.Session) session.Rules {
	r := session.Rules{Lifespan: c.Lifespan, Debounce: c.ExtendDebounce, RequiredAAL: session.RequiredAAL(c.RequiredAAL)}
	if c.EarliestPossibleExtend > 0 {
		r.Window = &c.EarliestPossibleExtend
	}
	return r
}

func engine(c *config.Config, s *store.Store, sessions *session.Manager, identities *identity.Manager, hasher *password.Hasher, m *metrics.Metrics) (*flow.Engine, error) {
	self, g := c.SelfService, guide{base: c.Serve.Public.BaseURL}
	fallback := g.either(homePath, self.DefaultBrowserReturnURL)
	returns, err := flow.NewReturns(g.base, fallback.String(), self.AllowedReturnURLs)
	if err != nil {
		return nil, err
	}
	e := &flow.Engine{
		Store: s, Sessions: sessions, Identities: s, Schemas: identities.Schemas, Returns: returns, Meter: m,
		Disabled: []string{"oidc", "saml", "code", "link", "totp", "lookup_secret", "webauthn", "passkey"},
		Rules: map[flow.Kind]flow.Rules{
			flow.Login: {Lifespan: self.Login.Lifespan, RevokeOthers: slices.Contains(self.Login.AfterPassword, "revoke_active_sessions"),
				After: g.either(homePath, self.Login.AfterWithPassword, self.DefaultBrowserReturnURL)},
			flow.Registration: {Lifespan: self.Registration.Lifespan, Disabled: !self.Registration.Enabled,
				Unified: self.Registration.Style == "unified", Hints: self.Registration.LoginHints,
				StartSession: slices.Contains(self.Registration.AfterPassword, "session"),
				After:        g.either(homePath, self.Registration.AfterWithPassword, self.DefaultBrowserReturnURL)},
		},
	}
	if g.err != nil {
		return nil, g.err
	}
	if !self.Password.Enabled {
		e.Disabled = append(e.Disabled, "password")
		return e, nil
	}
	e.Methods = []flow.Method{&password.Method{Identities: s, Manager: identities, Hasher: hasher, Policy: policy(self.Password, hasher)}}
	return e, nil
}

func policy(c config.Password, h *password.Hasher) password.Policy {
	p := password.Policy{MinLength: c.MinLength, MaxLength: h.MaxLength(), SimilarityCheck: c.SimilarityCheck}
	if c.Breaches.Enabled {
		p.Breaches = &password.Breaches{Host: c.Breaches.Host, Max: c.Breaches.Max, IgnoreNetworkErrors: c.Breaches.IgnoreNetworkErrors}
	}
	return p
}

// eventRetention is how long the record of what happened to sessions is kept.
const eventRetention = 90 * 24 * time.Hour

func collector(c config.Cleanup, s *store.Store, log *slog.Logger) *store.Collector {
	return &store.Collector{Store: s, Log: log, Interval: c.Interval, Batch: c.BatchSize, Margin: c.TombstoneMargin, Retention: eventRetention}
}

// gauges shows the state of the store.
func gauges(m *metrics.Metrics, s *store.Store) {
	m.Gauge("exeunt_store_connections", "Connections to the database.", func() float64 { return float64(s.Stats().Open) })
	m.Gauge("exeunt_store_connections_in_use", "Connections that are busy.", func() float64 { return float64(s.Stats().InUse) })
	m.Gauge("exeunt_store_connections_max", "Most connections allowed.", func() float64 { return float64(s.Stats().Max) })
	m.Gauge("exeunt_store_connection_waits", "How often a caller had to wait for a connection.", func() float64 { return float64(s.Stats().Waited) })
	m.Gauge("exeunt_store_cached_sessions", "Live sessions held in memory (SQLite).", func() float64 { return float64(s.Stats().CachedSessions) })
}
