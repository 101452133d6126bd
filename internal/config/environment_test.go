package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheEnvironmentGoesOverFiles(t *testing.T) {
	c := loaded(t, "session: {lifespan: 1h}\nsecrets: {cookie: [from-the-file-1234]}",
		"SESSION_LIFESPAN=36h", "SERVE_PUBLIC_PORT=8080", "DSN=memory", "DEV=true", "PATH=/bin", "VERSION=7", "CONFIG=x", "REVISION=y",
		"DATABASE_URL=postgres://elsewhere", "SECRETS_COOKIE=first-secret-1234, second-secret-1234", "LOG_LEVEL=", "SQA_OPT_OUT=true",
		"SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS_0_HOOK=session",
		`SELFSERVICE_FLOWS_LOGIN_AFTER_HOOKS=[{"hook":"revoke_active_sessions"}]`)
	if c.Session.Lifespan != 36*time.Hour || c.Serve.Public.Port != 8080 || c.DSN != "memory" || !c.Dev || c.Log.Level != "info" {
		t.Errorf("got %+v", c)
	}
	if c.Serve.Public.BaseURL != "http://127.0.0.1:8080/" {
		t.Errorf("the base URL does not follow the port: %s", c.Serve.Public.BaseURL)
	}
	if diff := cmp.Diff([]string{"first-secret-1234", "second-secret-1234"}, c.Secrets.Cookie); diff != "" {
		t.Error(diff)
	}
	if !cmp.Equal(c.SelfService.Registration.AfterPassword, []string{"session"}) || !cmp.Equal(c.SelfService.Login.AfterHooks, []string{"revoke_active_sessions"}) {
		t.Errorf("hooks: %+v", c.SelfService)
	}
	if want := []string{"sqa-opt-out: accepted, no effect in this version: nothing is reported to anybody"}; !cmp.Equal(c.Notices, want) {
		t.Errorf("notices: %q", c.Notices)
	}
}

func TestListsOfMapsInTheEnvironment(t *testing.T) {
	want := []Schema{{ID: "default", URL: "https://x/"}, {ID: "b", URL: "https://y/", SelfServiceSelectable: true}}
	for name, environ := range map[string][]string{
		"as JSON": {`IDENTITY_SCHEMAS=[{"id":"default","url":"https://x/"},{"id":"b","url":"https://y/","selfservice_selectable":true}]`},
		"entry by entry": {"IDENTITY_SCHEMAS_0_ID=default", "IDENTITY_SCHEMAS_0_URL=https://x/", "IDENTITY_SCHEMAS_1_ID=b",
			"IDENTITY_SCHEMAS_1_URL=https://y/", "IDENTITY_SCHEMAS_1_SELFSERVICE_SELECTABLE=true"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, loaded(t, "", environ...).Identity.Schemas); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"dsn": "postgres://u:p@h/db\n", "cookie": "first,secret-with-comma\nsecond-secret-1234\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := loaded(t, "", "DSN_FILE="+filepath.Join(dir, "dsn"), "SECRETS_COOKIE_FILE="+filepath.Join(dir, "cookie"), "SESSION_LIFESPAN_FILE=/none")
	if c.DSN != "postgres://u:p@h/db" {
		t.Errorf("DSN_FILE: %s", c.DSN)
	}
	if diff := cmp.Diff([]string{"first,secret-with-comma", "second-secret-1234"}, c.Secrets.Cookie); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsOfTheEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"a duration without unit":      {[]string{"SESSION_LIFESPAN=24"}, `SESSION_LIFESPAN: "24" has no unit; write 24h`},
		"a switch that is none":        {[]string{"DEV=perhaps"}, `DEV: "perhaps" is neither true nor false; write one of them`},
		"a short secret in a list":     {[]string{"SECRETS_COOKIE=long-enough-secret,do-not-print"}, "SECRETS_COOKIE: secrets.cookie[1]: the secret does not fit; write a text of at least 16 characters"},
		"a refused key":                {[]string{"SERVE_PUBLIC_TLS_KEY_PATH=/k"}, "SERVE_PUBLIC_TLS_KEY_PATH: exeunt does not speak TLS itself; remove it and put a proxy in front"},
		"a gap between items":          {[]string{"SECRETS_COOKIE_0=long-enough-secret", "SECRETS_COOKIE_2=long-enough-secret"}, "SECRETS_COOKIE_2: there is no SECRETS_COOKIE_1; count from 0 without a gap"},
		"an unknown entry of an item":  {[]string{"IDENTITY_SCHEMAS_0_ID=default", "IDENTITY_SCHEMAS_0_URL=https://x/", "IDENTITY_SCHEMAS_0_URI=1"}, "IDENTITY_SCHEMAS_0_URI: identity.schemas[0]: unknown key uri; did you mean url?"},
		"a value and a file":           {[]string{"DSN=memory", "DSN_FILE=testdata/quickstart.yml"}, "DSN_FILE: sets dsn, and so does DSN; keep one of them"},
		"a secret file that is absent": {[]string{"SECRETS_DEFAULT_FILE=testdata/absent"}, `SECRETS_DEFAULT_FILE: the file "testdata/absent" cannot be read: no such file or directory`},
		"JSON that is broken":          {[]string{`IDENTITY_SCHEMAS=[{"id"`}, "IDENTITY_SCHEMAS: is not"},
	} {
		t.Run(name, func(t *testing.T) {
			got := complaints(t, "", c.environ...)
			if !strings.HasPrefix(got, c.want) || strings.Contains(got, "do-not-print") || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
