package config

import (
	"math"
	"net/netip"
	"slices"
	"time"
)

// supportedKeys are the keys that this server obeys.
func supportedKeys() []Key {
	const many = math.MaxInt32
	s := supported
	before := []Key{
		s("dsn", "", "The database: `memory`, `sqlite://path?_fk=true`, `postgres://…` or `cockroach://…`. Without it, an SQLite file in `./exeunt-data`.", into(dsn, func(c *Config) *string { return &c.DSN })),
		s("dev", "false", "Relaxes what plain http on a developer's machine needs: cookies without Secure. The same as `serve --dev`.", into(boolean, func(c *Config) *bool { return &c.Dev })),

		s("serve.public.host", "127.0.0.1", "Where the public API listens.", into(host, func(c *Config) *string { return &c.Serve.Public.Host })),
		s("serve.public.port", "4433", "The port of the public API; 0 takes any free one.", into(number(0, 65535), func(c *Config) *int { return &c.Serve.Public.Port })),
		s("serve.public.base_url", "", "Where browsers find the public API. Without it, `http://host:port/`.", into(baseURL, func(c *Config) *string { return &c.Serve.Public.BaseURL })),
		s("serve.public.trusted_proxies", "", "The proxies that may say in a header who the client is. Without it, none.", into(listOf(proxy), func(c *Config) *[]netip.Prefix { return &c.Serve.Public.TrustedProxies })),
		s("serve.public.failed_attempts_per_minute", "60", "How often a minute one client may fail to sign in, or register somebody, and one form may fail; further attempts answer 429. Ten times as many flows may be begun by one client, and twenty times as many unknown tokens sent. A client at a private address may be a proxy and is not counted unless it is reached through `trusted_proxies`. Tries of one person's password and codes are bounded in any case, on all nodes together. 0 lifts all these bounds.", into(number(0, many), func(c *Config) *int { return &c.Serve.Public.FailedAttempts })),
		s("serve.public.max_connections", "10000", "How many connections the public listener holds. One more takes the place of one that carries no request, or waits. 0 is no bound.", into(number(0, many), func(c *Config) *int { return &c.Serve.Public.MaxConnections })),
		s("serve.public.max_connections_per_client", "250", "How many of them one client may have whose address is public and not in `trusted_proxies`; of IPv6, one /64. Further ones are closed. 0 is no bound.", into(number(0, many), func(c *Config) *int { return &c.Serve.Public.PerClient })),
		s("serve.public.cors.enabled", "false", "Lets pages of other origins read answers. Needs `serve.public.cors.allowed_origins`.", into(boolean, func(c *Config) *bool { return &c.Serve.Public.CORS.Enabled })),
		s("serve.public.cors.allowed_origins", "", "The origins that may: `https://app.example.com`, or `https://*.example.com` for all hosts below a domain. `*` alone is everybody, and possible only without credentials. (Kratos has everybody.)", into(listOf(origin), func(c *Config) *[]string { return &c.Serve.Public.CORS.AllowedOrigins })),
		s("serve.public.cors.allowed_methods", "[POST, GET, PUT, PATCH, DELETE]", "The methods they may use.", into(listOf(corsMethod), func(c *Config) *[]string { return &c.Serve.Public.CORS.AllowedMethods })),
		s("serve.public.cors.allowed_headers", "[Authorization, Content-Type, Max-Age, X-Session-Token, X-Session-Activity, X-XSRF-TOKEN, X-CSRF-TOKEN]", "The header fields they may send.", into(listOf(headerName), func(c *Config) *[]string { return &c.Serve.Public.CORS.AllowedHeaders })),
		s("serve.public.cors.exposed_headers", "[Content-Type]", "The header fields of an answer that they may read.", into(listOf(headerName), func(c *Config) *[]string { return &c.Serve.Public.CORS.ExposedHeaders })),
		s("serve.public.cors.allow_credentials", "true", "Whether their requests may carry cookies.", into(boolean, func(c *Config) *bool { return &c.Serve.Public.CORS.Credentials })),
		s("serve.public.cors.max_age", "0", "How many seconds a browser may remember what is allowed; 0 leaves it to the browser.", into(number(0, many), func(c *Config) *int { return &c.Serve.Public.CORS.MaxAge })),
		s("serve.admin.host", "127.0.0.1", "Where the admin API listens. Any address but a loopback one needs a key, made with `exeunt keys create`, or the server does not start.", into(host, func(c *Config) *string { return &c.Serve.Admin.Host })),
		s("serve.admin.port", "4434", "The port of the admin API; 0 takes any free one.", into(number(0, 65535), func(c *Config) *int { return &c.Serve.Admin.Port })),
		s("serve.admin.base_url", "", "Where clients find the admin API. Without it, `http://host:port/`.", into(baseURL, func(c *Config) *string { return &c.Serve.Admin.BaseURL })),
		s("serve.admin.max_connections", "1000", "As `serve.public.max_connections`.", into(number(0, many), func(c *Config) *int { return &c.Serve.Admin.MaxConnections })),

		s("log.level", "info", "How much is logged; `warn` and `warning` are the same.", into(logLevel, func(c *Config) *string { return &c.Log.Level })),
		s("log.format", "text", "How a line of the log looks.", into(oneOf([]string{"json", "text"}, map[string]string{"json_pretty": "write json", "gelf": "write json"}), func(c *Config) *string { return &c.Log.Format })),
		s("log.checks", "false", "Also logs each successful session check.", into(boolean, func(c *Config) *bool { return &c.Log.Checks })),

		s("log.audit", "", "A file to which every event is written as a line of JSON, in order; `FILE.position` beside it says how far it has come. Without it, events are in the database alone.", into(texts, func(c *Config) *string { return &c.Log.Audit })),

		s("tracing.provider", "", "`otel` records traces of requests and sends them to a collector. Without it nothing is recorded.", into(oneOf([]string{"otel"}, map[string]string{"jaeger": "collectors take OTLP by now; write otel", "zipkin": "collectors take OTLP by now; write otel"}), func(c *Config) *string { return &c.Tracing.Provider })),
		s("tracing.service_name", "exeunt", "What the server is called in traces.", into(texts, func(c *Config) *string { return &c.Tracing.Service })),
		s("tracing.providers.otlp.server_url", "localhost:4318", "The collector, which takes OTLP over HTTP: host and port, or an address.", into(texts, func(c *Config) *string { return &c.Tracing.Collector })),
		s("tracing.providers.otlp.insecure", "false", "Whether a collector named by host and port is reached without TLS.", into(boolean, func(c *Config) *bool { return &c.Tracing.Insecure })),
		s("tracing.providers.otlp.sampling.sampling_ratio", "1", "The part of all traces that is recorded, from 0 to 1.", into(fraction, func(c *Config) *float64 { return &c.Tracing.Ratio })),

		s("secrets.default", "", "Secrets for everything that has no list of its own. The first is used, the others still open what they once closed.", into(longSecrets, func(c *Config) *[]string { return &c.Secrets.Default })),
		s("secrets.cookie", "", "Secrets for cookies. Session cookies of a Kratos that were sealed with one of them are known, too; see [kratos.md](kratos.md).", into(longSecrets, func(c *Config) *[]string { return &c.Secrets.Cookie })),
		s("secrets.cipher", "", "Secrets for encrypted data.", into(cipherKeys, func(c *Config) *[]string { return &c.Secrets.Cipher })),
		s("cookies.domain", "", "The domain that cookies are for, with all hosts below it: the host of the base URL or a domain above it. Without it, the host alone.", into(cookieDomain, func(c *Config) *string { return &c.Cookies.Domain })),
		s("cookies.path", "/", "The path that cookies are for. It covers that of the base URL.", into(cookiePath, func(c *Config) *string { return &c.Cookies.Path })),
		s("cookies.same_site", "Lax", "Whether cookies come along when another site leads here. `None` needs `secure`.", into(sameSite, func(c *Config) *string { return &c.Cookies.SameSite })),
		s("cookies.secure", "", "Whether cookies travel over https alone; the session's cookie has a key of its own. Without it, they do, unless `dev` is on or the base URL is http on a loopback host.", into(truth, func(c *Config) *bool { return &c.Cookies.Secure })),

		s("hashers.algorithm", "argon2", "How new passwords are hashed.", into(oneOf([]string{"argon2", "bcrypt"}, nil), func(c *Config) *string { return &c.Hashers.Algorithm })),
		s("hashers.argon2.memory", "19MiB", "Memory for one hash. Less than 46MiB for 1 iteration, 19MiB for 2, 12MiB for 3, 9MiB for 4, or 7MiB for more is raised to that.", into(size, func(c *Config) *uint64 { return &c.Hashers.Argon2.Memory })),
		s("hashers.argon2.iterations", "2", "Passes over the memory.", into(number(1, 1000), func(c *Config) *int { return &c.Hashers.Argon2.Iterations })),
		s("hashers.argon2.parallelism", "1", "Threads for one hash.", into(number(1, 255), func(c *Config) *int { return &c.Hashers.Argon2.Parallelism })),
		s("hashers.argon2.salt_length", "16", "Bytes of salt.", into(number(16, 64), func(c *Config) *int { return &c.Hashers.Argon2.SaltLength })),
		s("hashers.argon2.key_length", "32", "Bytes of hash.", into(number(16, 64), func(c *Config) *int { return &c.Hashers.Argon2.KeyLength })),
		s("hashers.argon2.dedicated_memory", "256MiB", "Memory for all hashes that run at the same time; further ones wait. At least `hashers.argon2.memory`, to which it is raised if it is not set.", into(size, func(c *Config) *uint64 { return &c.Hashers.Argon2.DedicatedMemory })),
		s("hashers.bcrypt.cost", "12", "Strength of bcrypt hashes; less than 12 is raised to 12.", into(number(4, 31), func(c *Config) *int { return &c.Hashers.BcryptCost })),
		s("hashers.weak_for_tests", "false", "Takes the settings above as they are, however weak: for automated tests, which hash all day.", into(boolean, func(c *Config) *bool { return &c.Hashers.WeakForTests })),

		s("identity.default_schema_id", "default", "The schema of identities that name none.", into(texts, func(c *Config) *string { return &c.Identity.DefaultSchemaID })),
		s("identity.schemas", "", "The identity schemas. Without them, a built-in one with the id `default`.", into(schemas, func(c *Config) *[]Schema { return &c.Identity.Schemas })),

		s("session.lifespan", "24h", "How long a session lives.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.Session.Lifespan })),
		s("session.earliest_possible_extend", "", "How long before its end a session may be extended. Without it, at any time.", into(duration("h", time.Nanosecond), func(c *Config) *time.Duration { return &c.Session.EarliestPossibleExtend })),
		s("session.extend_debounce", "2s", "A second extend of one session within this time answers 404.", into(duration("s", 0), func(c *Config) *time.Duration { return &c.Session.ExtendDebounce })),
		s("session.sliding", "false", "Whoami extends the session by itself, inside the window of `session.earliest_possible_extend`.", into(boolean, func(c *Config) *bool { return &c.Session.Sliding })),
		s("session.idle_timeout", "", "A session that is not used for so long has expired. It may last up to a minute longer, or a tenth of itself if that is less, as last use is not noted more often. 0s, or without it, never.", into(durationOrNone("h", time.Second), func(c *Config) *time.Duration { return &c.Session.IdleTimeout })),
		s("session.max_lifespan", "", "No extension, refresh or sliding makes a session live longer than this after its start. 0s, or without it, there is no such end.", into(durationOrNone("h", time.Second), func(c *Config) *time.Duration { return &c.Session.MaxLifespan })),
		s("session.limit.max", "0", "How many live sessions one identity may have; 0 is no limit.", into(number(0, many), func(c *Config) *int { return &c.Session.Limit.Max })),
		s("session.limit.policy", "evict_oldest", "What becomes of a sign-in above the limit: it ends the oldest session, or the one that was not used for longest, or it is refused.", into(oneOf([]string{"evict_oldest", "evict_idle", "deny"}, nil), func(c *Config) *string { return &c.Session.Limit.Policy })),
		s("session.remember_me.lifespan", "", "Offers \"keep me signed in\" at sign-in: who chooses it gets a session of this lifespan and a cookie that outlives the browser; who does not, one of `session.lifespan` and a cookie that goes with the browser. 0s, or without it, nothing is offered.", into(durationOrNone("h", time.Second), func(c *Config) *time.Duration { return &c.Session.RememberMe })),
		s("session.whoami.required_aal", "highest_available", "How strongly somebody must have signed in for whoami to answer.", into(requiredAAL, func(c *Config) *string { return &c.Session.RequiredAAL })),
		s("session.whoami.tokenizer.templates", "", "What `whoami?tokenize_as=<name>` makes of a session: a token (JWT) that others can check without asking. Each name has `jwks_url` (the keys, `file://` or `base64://`; required), `claims_mapper_url` (Jsonnet that adds claims; also `http://` and `https://`), `ttl` (how long the token holds, `1m` by default) and `subject_source` (`id` or `external_id`, whose value is the subject).", templatesReader),
		s("session.cache.max_bytes", "256MiB", "Memory that the process may take for session checks, at least 64MiB in all; password hashing has memory of its own, in other processes. It decides how fast checks are, never what they say: the default holds a million sessions.", into(size, func(c *Config) *uint64 { return &c.Session.CacheMaxBytes })),
		s("session.cleanup.batch_size", "500", "How many rows of sessions that are over are removed at once.", into(number(1, 100_000), func(c *Config) *int { return &c.Session.Cleanup.BatchSize })),
		s("session.cleanup.interval", "1m", "How often such rows are looked for.", into(duration("m", time.Second), func(c *Config) *time.Duration { return &c.Session.Cleanup.Interval })),
		s("session.cleanup.tombstone_margin", "24h", "How long the row of an ended session stays after its original expiry.", into(duration("h", 0), func(c *Config) *time.Duration { return &c.Session.Cleanup.TombstoneMargin })),
		s("session.cleanup.event_retention", "2160h", "How long the record of what happened to sessions is kept.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.Session.Cleanup.EventRetention })),
		s("session.cookie.name", "ory_kratos_session", "The name of the session cookie.", into(cookieName, func(c *Config) *string { return &c.Session.Cookie.Name })),
		s("session.cookie.previous_names", "", "Names of the session cookie in former times; still read, and removed at logout.", into(listOf(cookieName), func(c *Config) *[]string { return &c.Session.Cookie.PreviousNames })),
		s("session.cookie.persistent", "true", "Keeps the cookie until the session expires. Otherwise it goes when the browser is closed.", into(boolean, func(c *Config) *bool { return &c.Session.Cookie.Persistent })),
		s("session.cookie.domain", "", "The domain of the session cookie. Without it, that of `cookies.domain`.", into(cookieDomain, func(c *Config) *string { return &c.Session.Cookie.Domain })),
		s("session.cookie.path", "", "The path of the session cookie. Without it, that of `cookies.path`.", into(cookiePath, func(c *Config) *string { return &c.Session.Cookie.Path })),
		s("session.cookie.same_site", "", "The same for the session cookie as `cookies.same_site`, which it follows when it is not set.", into(sameSite, func(c *Config) *string { return &c.Session.Cookie.SameSite })),
		s("session.cookie.secure", "", "The same for the session cookie as `cookies.secure`, which it does not follow. Without it, true, unless `dev` is on or the base URL is http on a loopback host.", into(truth, func(c *Config) *bool { return &c.Session.Cookie.Secure })),
		s("session.hooks", "", "Web addresses that are told what happens, such as the end of sessions; see [operations.md](operations.md). Each has a `url` (http or https), a `secret` (or `secret_file`) of at least 32 characters that signs what is sent, or `whsec_` and its Base64, `events` (kinds; without it `[session_ended]`), `give_up_after` (without it `24h`), and `allow_private_addresses` (without it `false`: the address has to be a public one).", into(hookList, func(c *Config) *[]Hook { return &c.Session.Hooks })),
		s("feature_flags.faster_session_extend", "true", "Extend answers 204 without a body. (Kratos has false.)", into(boolean, func(c *Config) *bool { return &c.Session.FasterExtend })),
		s("feature_flags.cacheable_sessions", "false", "Whoami says in `Ory-Session-Cache-For` for how many seconds its answer may be kept. Whoever obeys it accepts sessions that have ended meanwhile.", into(boolean, func(c *Config) *bool { return &c.Session.Cacheable })),
		s("feature_flags.cacheable_sessions_max_age", "", "The most that it says. 0s, or without it, the rest of the session's life.", into(durationOrNone("s", time.Second), func(c *Config) *time.Duration { return &c.Session.CacheableMaxAge })),

		s("selfservice.default_browser_return_url", "", "Where a browser goes when nothing else says so. Without it, the built-in page.", into(returnURL, func(c *Config) *string { return &c.SelfService.DefaultBrowserReturnURL })),
		s("selfservice.allowed_return_urls", "", "Where a browser may be sent: scheme and host are compared, the path by whole segments, and a whole first label may be `*`. `myapp://` stands for everything with an app's own scheme, `com.example.app:/oauth` for a path without a host.", into(listOf(allowedURL), func(c *Config) *[]string { return &c.SelfService.AllowedReturnURLs })),
		s("selfservice.methods.password.enabled", "true", "Offers sign-in with a password.", into(boolean, func(c *Config) *bool { return &c.SelfService.Password.Enabled })),
		s("selfservice.methods.password.config.min_password_length", "8", "The least length of a new password.", into(number(6, many), func(c *Config) *int { return &c.SelfService.Password.MinLength })),
		s("selfservice.methods.password.config.identifier_similarity_check_enabled", "true", "Refuses passwords that resemble the identifier.", into(boolean, func(c *Config) *bool { return &c.SelfService.Password.SimilarityCheck })),
		s("selfservice.methods.password.config.haveibeenpwned_enabled", "false", "Looks new passwords up among breached ones; only the first five characters of a hash leave the server. (Kratos has true.)", into(boolean, func(c *Config) *bool { return &c.SelfService.Password.Breaches.Enabled })),
		s("selfservice.methods.password.config.haveibeenpwned_host", "api.pwnedpasswords.com", "Who is asked about breached passwords.", into(host, func(c *Config) *string { return &c.SelfService.Password.Breaches.Host })),
		s("selfservice.methods.password.config.max_breaches", "0", "How often a password may have been breached before it is refused.", into(number(0, 100), func(c *Config) *int { return &c.SelfService.Password.Breaches.Max })),
		s("selfservice.methods.password.config.ignore_network_errors", "true", "Accepts a password when nobody can be asked about it.", into(boolean, func(c *Config) *bool { return &c.SelfService.Password.Breaches.IgnoreNetworkErrors })),
		s("selfservice.methods.profile.enabled", "true", "Lets people change their traits.", into(boolean, func(c *Config) *bool { return &c.SelfService.Profile })),
		s("selfservice.methods.totp.enabled", "false", "Offers the codes of authenticator apps as a second factor.", into(boolean, func(c *Config) *bool { return &c.SelfService.TOTP.Enabled })),
		s("selfservice.methods.totp.config.issuer", "", "What such an app shows beside its code. Without it, `ui.product_name`.", into(texts, func(c *Config) *string { return &c.SelfService.TOTP.Issuer })),
		s("selfservice.methods.lookup_secret.enabled", "false", "Offers recovery codes as a second factor, each of which works once.", into(boolean, func(c *Config) *bool { return &c.SelfService.LookupSecrets })),
		s("selfservice.flows.login.lifespan", "1h", "How long a login flow stays open.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.SelfService.Login.Lifespan })),
		s("selfservice.flows.login.style", "unified", "How the login form is laid out.", into(oneOf([]string{"unified"}, map[string]string{"identifier_first": "write unified"}), func(c *Config) *string { return &c.SelfService.Login.Style })),
		s("selfservice.flows.login.after.hooks", "", "What runs after a login.", into(hooks("revoke_active_sessions"), func(c *Config) *[]string { return &c.SelfService.Login.AfterHooks })),
		s("selfservice.flows.login.after.password.hooks", "", "The same for a login with a password; replaces the general list.", into(hooks("revoke_active_sessions"), func(c *Config) *[]string { return &c.SelfService.Login.AfterPassword })),
		s("selfservice.flows.login.after.totp.hooks", "", "The same for the code of an app.", into(hooks("revoke_active_sessions"), func(c *Config) *[]string { return &c.SelfService.Login.AfterTOTP })),
		s("selfservice.flows.login.after.lookup_secret.hooks", "", "The same for a recovery code.", into(hooks("revoke_active_sessions"), func(c *Config) *[]string { return &c.SelfService.Login.AfterLookupSecret })),
		s("selfservice.flows.login.ui_url", "", "The page that shows the form. Without it, the built-in page.", into(pageURL, func(c *Config) *string { return &c.SelfService.Login.UIURL })),
		s("selfservice.flows.login.after.default_browser_return_url", "", "Where a browser goes after a login that asked for no place. Without it, `selfservice.default_browser_return_url`.", into(returnURL, func(c *Config) *string { return &c.SelfService.Login.After })),
		s("selfservice.flows.login.after.password.default_browser_return_url", "", "The same after a login with a password; goes before the general one.", into(returnURL, func(c *Config) *string { return &c.SelfService.Login.AfterWithPassword })),
		s("selfservice.flows.login.after.totp.default_browser_return_url", "", "The same after the code of an app.", into(returnURL, func(c *Config) *string { return &c.SelfService.Login.AfterWithTOTP })),
		s("selfservice.flows.login.after.lookup_secret.default_browser_return_url", "", "The same after a recovery code.", into(returnURL, func(c *Config) *string { return &c.SelfService.Login.AfterWithLookupSecret })),
		s("selfservice.flows.registration.enabled", "true", "Lets people register.", into(boolean, func(c *Config) *bool { return &c.SelfService.Registration.Enabled })),
		s("selfservice.flows.registration.lifespan", "1h", "How long a registration flow stays open.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.SelfService.Registration.Lifespan })),
		s("selfservice.flows.registration.style", "profile_first", "Whether the form asks for the profile first or for everything at once.", into(oneOf([]string{"profile_first", "unified"}, nil), func(c *Config) *string { return &c.SelfService.Registration.Style })),
		s("selfservice.flows.registration.enable_legacy_one_step", "false", "The older way to write `style: unified`.", into(boolean, func(c *Config) *bool { return &c.SelfService.Registration.EnableLegacyOneStep })),
		s("selfservice.flows.registration.login_hints", "false", "Tells somebody who is already registered how to sign in.", into(boolean, func(c *Config) *bool { return &c.SelfService.Registration.LoginHints })),
		s("selfservice.flows.registration.after.hooks", "", "What runs after a registration; `session` signs the new person in.", into(hooks("session"), func(c *Config) *[]string { return &c.SelfService.Registration.AfterHooks })),
		s("selfservice.flows.registration.after.password.hooks", "", "The same for a registration with a password; replaces the general list.", into(hooks("session"), func(c *Config) *[]string { return &c.SelfService.Registration.AfterPassword })),
		s("selfservice.flows.registration.ui_url", "", "The page that shows the form. Without it, the built-in page.", into(pageURL, func(c *Config) *string { return &c.SelfService.Registration.UIURL })),
		s("selfservice.flows.registration.after.default_browser_return_url", "", "Where a browser goes after a registration that asked for no place. Without it, `selfservice.default_browser_return_url`.", into(returnURL, func(c *Config) *string { return &c.SelfService.Registration.After })),
		s("selfservice.flows.registration.after.password.default_browser_return_url", "", "The same after a registration with a password; goes before the general one.", into(returnURL, func(c *Config) *string { return &c.SelfService.Registration.AfterWithPassword })),
	}
	after := []Key{
		s("selfservice.flows.logout.ui_url", "", "The page that asks before signing out, for whoever opens the logout address without a token. Without it the built-in page; where `selfservice.flows.error.ui_url` leads to pages of your own, that one, as Kratos does.", into(pageURL, func(c *Config) *string { return &c.SelfService.Logout.UIURL })),
		s("selfservice.flows.logout.after.default_browser_return_url", "", "Where a browser goes after signing out. Without it, `selfservice.default_browser_return_url`.", into(returnURL, func(c *Config) *string { return &c.SelfService.Logout.After })),
		s("selfservice.flows.logout.clear_browser_data", "false", "Tells browsers at logout to drop everything that they keep of our origin.", into(boolean, func(c *Config) *bool { return &c.SelfService.Logout.ClearBrowserData })),
		s("selfservice.flows.error.ui_url", "", "The page that shows what went wrong. Without it, the built-in page.", into(pageURL, func(c *Config) *string { return &c.SelfService.ErrorUIURL })),

		s("ui.product_name", "exeunt", "What the built-in pages call your house; at most 60 characters.", into(productName, func(c *Config) *string { return &c.UI.ProductName })),
		s("ui.logo", "", "The picture on the built-in pages: an SVG, PNG or WebP.", into(logo, func(c *Config) *string { return &c.UI.Logo })),
	}
	return slices.Concat(before, settingsKeys(), after)
}

var requiredAAL = oneOf([]string{"highest_available", "aal1"}, map[string]string{"aal2": "write highest_available"})

// logLevel is a level; the two words for a warning become one.
var logLevel = func() kind[string] {
	levels := oneOf([]string{"trace", "debug", "info", "warn", "warning", "error"}, map[string]string{
		"fatal": "write error", "panic": "write error",
	})
	parse := levels.parse
	levels.parse = func(s site) (string, bool) {
		level, ok := parse(s)
		if level == "warning" {
			level = "warn"
		}
		return level, ok
	}
	return levels
}()
