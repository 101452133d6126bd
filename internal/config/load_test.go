package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// written puts a configuration into a file and returns its name.
func written(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "exeunt.yml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// loaded is the configuration of a text that must be right.
func loaded(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := Load([]string{written(t, text)}, environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// complaints are the problems of a text that must be wrong, with short file names.
func complaints(t *testing.T, text string, environ ...string) string {
	t.Helper()
	name := written(t, text)
	c, err := Load([]string{name}, environ)
	if c != nil && err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), name, "exeunt.yml")
}

func TestWithoutFilesTheDefaultsHold(t *testing.T) {
	c, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Serve: Serve{
			Public: Public{Host: "127.0.0.1", Port: 4433, BaseURL: "http://127.0.0.1:4433/", FailedAttempts: 60, MaxConnections: 10000, PerClient: 250, CORS: CORS{
				AllowedMethods: []string{"POST", "GET", "PUT", "PATCH", "DELETE"},
				AllowedHeaders: []string{"Authorization", "Content-Type", "Max-Age", "X-Session-Token", "X-Session-Activity", "X-XSRF-TOKEN", "X-CSRF-TOKEN"},
				ExposedHeaders: []string{"Content-Type"}, Credentials: true,
			}},
			Admin: Admin{Host: "127.0.0.1", Port: 4434, BaseURL: "http://127.0.0.1:4434/", MaxConnections: 1000},
		},
		Log:     Log{Level: "info", Format: "text"},
		Tracing: Tracing{Service: "exeunt", Collector: "localhost:4318", Ratio: 1},
		Hashers: Hashers{
			Algorithm:  "argon2",
			Argon2:     Argon2{Memory: 19 << 20, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32, DedicatedMemory: 256 << 20},
			BcryptCost: 12,
		},
		Identity: Identity{DefaultSchemaID: "default"},
		Session: Session{
			Lifespan: 24 * time.Hour, CacheMaxBytes: 256 << 20, ExtendDebounce: 2 * time.Second, FasterExtend: true, RequiredAAL: "highest_available", Limit: Limit{Policy: "evict_oldest"},
			Cookie:  SessionCookie{Cookies: Cookies{Path: "/", SameSite: "Lax"}, Name: "ory_kratos_session", Persistent: true},
			Cleanup: Cleanup{BatchSize: 500, Interval: time.Minute, TombstoneMargin: 24 * time.Hour, EventRetention: 90 * 24 * time.Hour},
		},
		Cookies: Cookies{Path: "/", SameSite: "Lax"},
		UI:      UI{ProductName: "exeunt"},
		SelfService: SelfService{
			Password: Password{Enabled: true, MinLength: 8, SimilarityCheck: true,
				Breaches: Breaches{Host: "api.pwnedpasswords.com", IgnoreNetworkErrors: true}},
			TOTP: TOTP{Issuer: "exeunt"}, Profile: true,
			Login:        Login{Lifespan: time.Hour, Style: "unified"},
			Registration: Registration{Enabled: true, Lifespan: time.Hour, Style: "profile_first"},
			Settings: Settings{Lifespan: time.Hour, PrivilegedMaxAge: time.Hour, RequiredAAL: "highest_available",
				AfterMethod:  map[string]string{"password": "", "profile": "", "totp": "", "lookup_secret": ""},
				RevokeOthers: map[string]bool{"password": true, "profile": true, "totp": true, "lookup_secret": true}},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestAKratosQuickstartLoadsUnchanged(t *testing.T) {
	c, err := Load([]string{"testdata/quickstart.yml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/quickstart.notices", strings.Join(c.Notices, "\n")+"\n")
	if got := c.SelfService.Login.AfterPassword; !cmp.Equal(got, []string{"revoke_active_sessions"}) {
		t.Errorf("hooks after a login: %v", got)
	}
	if c.Log.Level != "warn" || c.Hashers.BcryptCost != 12 || c.SelfService.Registration.Lifespan != 10*time.Minute {
		t.Errorf("values of the file are missing: %+v", c)
	}
}

func TestEveryMistakeIsReportedWithItsPlace(t *testing.T) {
	_, err := Load([]string{"testdata/mistakes.yml"}, nil)
	var p *Problems
	if !errors.As(err, &p) || len(p.List) != 10 {
		t.Fatalf("want ten problems, got: %v", err)
	}
	for _, problem := range p.List {
		if problem.Line == 0 || problem.Path == "" || !strings.Contains(problem.Text, problem.Path) {
			t.Errorf("no line or no path: %v", problem)
		}
	}
	if strings.Contains(err.Error(), "do-not-print") {
		t.Error("a secret is in the text of a problem")
	}
	golden(t, "testdata/mistakes.problems", err.Error()+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestValuesReachTheConfig(t *testing.T) {
	c := loaded(t, `
serve:
  public: {host: "::", port: 0, trusted_proxies: [10.1.2.3/8, "::1"]}
hashers: {argon2: {memory: 128MB, iterations: 1, dedicated_memory: 1GiB}}
identity:
  default_schema_id: b
  schemas:
    - {id: a, url: "base64://e30="}
    - {id: b, url: "file://./b.json", selfservice_selectable: true}
session: {earliest_possible_extend: 1h30m}
selfservice:
  flows:
    login: {after: {hooks: [{hook: revoke_active_sessions}], default_browser_return_url: "https://app.example/in"}}
    registration: {enable_legacy_one_step: true, ui_url: /join, after: {password: {default_browser_return_url: /new}, default_browser_return_url: /old}}
    logout: {ui_url: https://ui.example/logout, clear_browser_data: true, after: {default_browser_return_url: "myapp://bye"}}
    error: {ui_url: "https://ui.example/error?x=1"}
ui: {product_name: Rosenhof, logo: "base64://PHN2Zy8+"}
`)
	if c.Serve.Public.BaseURL != "" || c.Serve.Public.Port != 0 {
		t.Errorf("a free port: %+v", c.Serve.Public)
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8", "::1/128"}, prefixes(c.Serve.Public.TrustedProxies)); diff != "" {
		t.Error(diff)
	}
	if c.Hashers.Argon2.Memory != 128<<20 || c.Hashers.Argon2.DedicatedMemory != 1<<30 {
		t.Errorf("sizes: %+v", c.Hashers.Argon2)
	}
	want := []Schema{{ID: "a", URL: "base64://e30="}, {ID: "b", URL: "file://./b.json", SelfServiceSelectable: true}}
	if diff := cmp.Diff(want, c.Identity.Schemas); diff != "" {
		t.Error(diff)
	}
	if c.Session.EarliestPossibleExtend != 90*time.Minute || c.SelfService.Registration.Style != "unified" {
		t.Errorf("got %v and %v", c.Session.EarliestPossibleExtend, c.SelfService.Registration.Style)
	}
	if !cmp.Equal(c.SelfService.Login.AfterPassword, []string{"revoke_active_sessions"}) {
		t.Errorf("the general hooks do not hold for passwords: %v", c.SelfService.Login.AfterPassword)
	}
	if self := c.SelfService; self.Login.AfterWithPassword != "https://app.example/in" || self.Registration.AfterWithPassword != "/new" || self.Registration.After != "/old" || self.Registration.UIURL != "/join" {
		t.Errorf("pages of the flows: %+v", self)
	}
	if diff := cmp.Diff(Logout{UIURL: "https://ui.example/logout", After: "myapp://bye", ClearBrowserData: true}, c.SelfService.Logout); diff != "" || c.SelfService.ErrorUIURL != "https://ui.example/error?x=1" {
		t.Error(diff, c.SelfService.ErrorUIURL)
	}
	if diff := cmp.Diff(UI{ProductName: "Rosenhof", Logo: "base64://PHN2Zy8+"}, c.UI); diff != "" {
		t.Error(diff)
	}
}

func prefixes(all []netip.Prefix) []string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return texts
}

func TestALaterFileGoesOverAnEarlierOne(t *testing.T) {
	first := written(t, "session: {lifespan: 1h, extend_debounce: 5s}\nselfservice: {allowed_return_urls: [https://a.example/, https://b.example/]}\n")
	second := written(t, "session: {lifespan: 2h}\nselfservice: {allowed_return_urls: [https://c.example/]}\nlog:\n")
	c, err := Load([]string{first, second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Session.Lifespan != 2*time.Hour || c.Session.ExtendDebounce != 5*time.Second {
		t.Errorf("maps are not merged: %+v", c.Session)
	}
	if !cmp.Equal(c.SelfService.AllowedReturnURLs, []string{"https://c.example/"}) {
		t.Errorf("lists are not replaced: %v", c.SelfService.AllowedReturnURLs)
	}
}

func TestJSONIsAccepted(t *testing.T) {
	c := loaded(t, "{\n\t\"session\": {\n\t\t\"lifespan\": \"3h\"\n\t},\n\t\"dev\": true\n}\n")
	if c.Session.Lifespan != 3*time.Hour || !c.Dev {
		t.Errorf("got %+v", c)
	}
}

func TestOnlySettingsThatAskForSomethingMakeNotices(t *testing.T) {
	c := loaded(t, `
selfservice:
  methods: {code: {enabled: false}, link: {enabled: true}, webauthn: {enabled: false}}
  flows: {recovery: {enabled: false}}
serve: {public: {host: 0.0.0.0, tls: {}}}
cookies: {domain: ""}
log: {leak_sensitive_values: false}
oauth2_provider: {}
organizations: []
session: {whoami: {tokenizer: {templates: {}}}}
`)
	want := []string{
		"selfservice.methods.link.enabled: accepted, no effect in this version: the method is not offered",
		"serve.public.base_url: not set, so links lead to http://127.0.0.1:4433/; set it to the address that browsers use",
		"cookies.secure and session.cookie.secure: browsers will not keep the cookie, because the base URL is plain http; set serve.public.base_url to the https address, or for a test set cookies.secure and session.cookie.secure to false",
	}
	if diff := cmp.Diff(want, c.Notices); diff != "" {
		t.Error(diff)
	}
}

func TestHashesThatAreTooWeakAreRaisedAndItIsSaid(t *testing.T) {
	c := loaded(t, "hashers: {argon2: {iterations: 1, memory: 1MB}, bcrypt: {cost: 8}}")
	if c.Hashers.Argon2.Memory != 46<<20 || c.Hashers.BcryptCost != 12 || len(c.Notices) != 2 {
		t.Errorf("got %+v with the notices %q", c.Hashers, c.Notices)
	}
	c = loaded(t, "hashers: {weak_for_tests: true, argon2: {iterations: 1, memory: 64KB}, bcrypt: {cost: 4}}")
	if c.Hashers.Argon2.Memory != 64<<10 || c.Hashers.BcryptCost != 4 || len(c.Notices) != 1 {
		t.Errorf("for tests: got %+v with the notices %q", c.Hashers, c.Notices)
	}
}

func TestTheMemoryOfAllHashesHoldsAtLeastOne(t *testing.T) {
	c := loaded(t, "hashers: {argon2: {memory: 512MB}}")
	if c.Hashers.Argon2.DedicatedMemory != 512<<20 {
		t.Errorf("got %d", c.Hashers.Argon2.DedicatedMemory)
	}
}
