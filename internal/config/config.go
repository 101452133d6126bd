// Package config reads the configuration: YAML or JSON files with the keys of a Kratos file, and environment variables.
//
// One table (see [Keys]) names every key, its default, its meaning and what becomes of it. Loading is strict: unknown
// keys, wrong types and settings that would be unsafe are all reported together, each with its place and with what
// would be right.
package config

import (
	"net/netip"
	"time"
)

// Config is everything an operator can set, complete with defaults. After [Load] nobody changes it.
type Config struct {
	DSN         string // "" is the embedded SQLite file in ./exeunt-data
	Dev         bool   // cookies without Secure, for plain http
	Serve       Serve
	Log         Log
	Tracing     Tracing
	Secrets     Secrets
	Hashers     Hashers
	Identity    Identity
	Session     Session
	Cookies     Cookies
	SelfService SelfService
	UI          UI

	// Notices are sentences that the operator should read at the start: which settings were accepted and have no effect,
	// in the order of the files, and which unset one is likely to be missed.
	Notices []string
}

// Serve says where the two listeners are.
type Serve struct {
	Public Public
	Admin  Admin
}

// Public is the listener for everybody.
type Public struct {
	Host           string
	Port           int            // 0 is any free port
	BaseURL        string         // ends with a slash; "" only if the port is 0 and no base URL was given
	TrustedProxies []netip.Prefix // only these may say in a header who the client is
	FailedAttempts int            // a minute, for each client and each flow; 0 is no bound on anything that can be tried
	MaxConnections int            // 0 is no bound, as below
	PerClient      int            // connections of one client
	CORS           CORS
}

// CORS says which web origins besides our own may read answers.
type CORS struct {
	Enabled        bool
	AllowedOrigins []string // scheme://host[:port], the host's first label may be *; never "null"
	AllowedMethods []string
	AllowedHeaders []string
	ExposedHeaders []string
	Credentials    bool
	MaxAge         int // seconds a preflight may be remembered; 0 leaves it to the browser
}

// Admin is the listener for operators. Where others reach its host, it needs a key.
type Admin struct {
	Host           string
	Port           int    // 0 is any free port
	BaseURL        string // as for Public
	MaxConnections int    // 0 is no bound
}

// Local reports whether nobody but this machine reaches the listener, whatever its name resolves to.
func (a Admin) Local() bool { return isLoopback(a.Host) }

// Log says what is logged and how.
type Log struct {
	Level  string // trace, debug, info, warn or error
	Format string // json or text
	Checks bool   // also log each successful session check
	Audit  string // the file that events are written to; "" for none
}

// Tracing says where traces go.
type Tracing struct {
	Provider  string  // "" records nothing
	Service   string  // what the server is called in them
	Collector string  // host:port or address
	Insecure  bool    // without TLS
	Ratio     float64 // the part that is recorded
}

// Secrets are the keys of the server. The first of a list is used, the others still open what they once closed.
// An empty list means that none was given.
type Secrets struct {
	Default []string
	Cookie  []string
	Cipher  []string // each of exactly 32 bytes
}

// Hashers says how new passwords are hashed.
type Hashers struct {
	Algorithm  string // argon2 or bcrypt
	Argon2     Argon2
	BcryptCost int

	WeakForTests bool // nothing above was raised to what protects a password
}

// Argon2 holds the parameters of Argon2id.
type Argon2 struct {
	Memory          uint64 // bytes for one hash
	Iterations      int
	Parallelism     int
	SaltLength      int
	KeyLength       int
	DedicatedMemory uint64 // bytes for all hashes that run at the same time; at least Memory
}

// Identity names the schemas of identities.
type Identity struct {
	DefaultSchemaID string
	Schemas         []Schema // empty means the built-in schema, whose id is "default"
}

// Schema is one identity schema: where it is and who may choose it.
type Schema struct {
	ID                    string
	URL                   string // file://, base64://, http:// or https://
	SelfServiceSelectable bool
}

// Session holds the rules of sessions.
type Session struct {
	Lifespan               time.Duration
	EarliestPossibleExtend time.Duration // how long before its end a session may be extended; 0 is always
	ExtendDebounce         time.Duration // a second extend of one session within this time answers 404
	FasterExtend           bool          // extend answers 204 without a body
	Sliding                bool          // whoami extends too, inside the window of EarliestPossibleExtend
	IdleTimeout            time.Duration // a session that is not used for so long has expired; 0 is never
	MaxLifespan            time.Duration // nothing makes a session live longer after its start; 0 is no bound
	Limit                  Limit
	RememberMe             time.Duration // the lifespan for whoever chooses to stay signed in; 0 offers no choice
	RequiredAAL            string        // what whoami asks for: highest_available or aal1
	Templates              map[string]Template
	Cacheable              bool          // whoami says for how long its answer may be kept
	CacheableMaxAge        time.Duration // the most that it says; 0 is the rest of the session's life
	CacheMaxBytes          uint64        // what the process may take for session checks
	Cookie                 SessionCookie
	Cleanup                Cleanup
	Hooks                  []Hook
}

// Limit says how many live sessions one identity may have, and what becomes of one more.
type Limit struct {
	Max    int    // 0 is no limit
	Policy string // evict_oldest, evict_idle or deny
}

// Template says how a session becomes a signed token (JWT).
type Template struct {
	KeysURL   string // file:// or base64:// address of the key set
	MapperURL string // file://, base64://, http:// or https:// address of the Jsonnet; "" for none
	TTL       time.Duration
	Subject   string // id or external_id
}

// Cleanup says how rows of sessions that are over are removed.
type Cleanup struct {
	BatchSize       int
	Interval        time.Duration
	TombstoneMargin time.Duration // how long the row of an ended session stays after its original expiry
	EventRetention  time.Duration // how long the record of what happened to sessions is kept
}

// Cookies holds the attributes of cookies.
type Cookies struct {
	Domain   string // "" is the host that set it
	Path     string
	SameSite string // Strict, Lax or None
	Secure   bool   // for a base URL with http on a loopback host, and with Dev, the default is false
}

// SessionCookie is the cookie that holds a browser's session token. Attributes that were not set are those of Cookies.
type SessionCookie struct {
	Cookies
	Name          string
	Persistent    bool     // it outlives the browser, until its session expires
	PreviousNames []string // are still read, and removed at logout
}

// UI says what the built-in pages show of the house they stand in.
type UI struct {
	ProductName string
	Logo        string // file:// or base64:// address of an SVG, PNG or WebP picture; "" for none
}

// SelfService holds the flows, the methods and the places to which a browser may be sent.
type SelfService struct {
	DefaultBrowserReturnURL string // "" is the built-in page
	AllowedReturnURLs       []string
	Password                Password
	TOTP                    TOTP
	LookupSecrets           bool // recovery codes are offered as a second factor
	Profile                 bool // people may change their traits
	Login                   Login
	Registration            Registration
	Settings                Settings
	Logout                  Logout
	ErrorUIURL              string // "" is the built-in page
}

// TOTP holds the method of authenticator apps.
type TOTP struct {
	Enabled bool
	Issuer  string // what apps show beside the code; ProductName if it was not set
}

// Settings holds the settings flow. Its maps have an entry for each of password, profile, totp and lookup_secret.
type Settings struct {
	UIURL            string // "" is the built-in page
	Lifespan         time.Duration
	PrivilegedMaxAge time.Duration // how long after signing in credentials may be changed
	RequiredAAL      string        // highest_available or aal1
	After            string        // where a browser goes after a change; "" is back to the form
	AfterMethod      map[string]string
	RevokeOthers     map[string]bool // a change by this method ends the person's other sessions
}

// Logout holds what surrounds signing out.
type Logout struct {
	UIURL            string // page that asks before signing out; "" is the built-in page
	After            string // where a browser goes then; "" is DefaultBrowserReturnURL, or the built-in page
	ClearBrowserData bool   // browsers are told to drop everything they keep of our origin
}

// Password holds the password method and its policy.
type Password struct {
	Enabled         bool
	MinLength       int
	SimilarityCheck bool
	Breaches        Breaches
}

// Breaches says whether new passwords are looked up among the breached ones, and where.
type Breaches struct {
	Enabled             bool
	Host                string
	Max                 int // a password found more often than this is refused
	IgnoreNetworkErrors bool
}

// Login holds the login flow.
type Login struct {
	Lifespan          time.Duration
	Style             string   // always unified
	AfterHooks        []string // for methods without hooks of their own
	AfterPassword     []string // what runs after a login with a password: its own hooks, or else AfterHooks
	AfterTOTP         []string // the same for the code of an app
	AfterLookupSecret []string // and for a recovery code
	UIURL             string   // "" is the built-in page
	After             string   // where a browser goes after a login; "" is DefaultBrowserReturnURL
	AfterWithPassword string   // the same after one with a password; After if it was not set

	AfterWithTOTP, AfterWithLookupSecret string // the same as AfterWithPassword
}

// Registration holds the registration flow.
type Registration struct {
	Enabled             bool
	Lifespan            time.Duration
	Style               string // profile_first or unified; unified whenever EnableLegacyOneStep
	EnableLegacyOneStep bool
	LoginHints          bool
	AfterHooks          []string // as for Login
	AfterPassword       []string
	UIURL               string // "" is the built-in page
	After               string // as for Login
	AfterWithPassword   string
}
