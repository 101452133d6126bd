package compat

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ory "github.com/ory/client-go"

	"exeunt/internal/testkit"
)

// extendSession is what a back end does that has one address and one key, as with a hosted project.
func extendSession(ctx context.Context, address, accessToken, sessionID string) (*http.Response, error) {
	cfg := ory.NewConfiguration()
	cfg.Servers = ory.ServerConfigurations{{URL: address}}
	client := ory.NewAPIClient(cfg)
	ctx = context.WithValue(ctx, ory.ContextAccessToken, accessToken)
	_, resp, err := client.IdentityAPI.ExtendSession(ctx, sessionID).Execute()
	return resp, err
}

// newKey makes a key as an operator does: with the command. It opens a PostgreSQL database beside the server, and asks the
// server that has a SQLite one.
func newKey(t *testing.T, p *testkit.Process, engine, dir, name string, scopes string) string {
	t.Helper()
	args := []string{"keys", "create", name, "--scope", scopes, "-c", filepath.Join(dir, "exeunt.yml")}
	if engine == testkit.SQLite {
		args = append(args, "--endpoint", p.Admin)
	}
	out, err := exec.Command(testkit.Binary(t), args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestAClientWithBasePathAndAccessTokenExtendsASession(t *testing.T) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			dir := t.TempDir()
			p := testkit.Start(t, dir, fmt.Sprintf("dsn: %q\nsession: {extend_debounce: 0s}\n%s", engine.DSN(t), testkit.Quick)) // two clients extend
			ctx, public := context.Background(), api(p.Public)
			signUp(t, public)
			token, id := signIn(t, public)
			key := newKey(t, p, engine.Name, dir, "backend", "sessions:write")

			r, err := extendSession(ctx, p.Public, key, id)
			must(t, "extending", err)
			if r.StatusCode != http.StatusNoContent {
				t.Errorf("extending answered %d", r.StatusCode)
			}
			for what, wrong := range map[string]string{"no key": "", "another key": "ory_pat_" + strings.Repeat("x", 32), "a session token": token} {
				if r, err := extendSession(ctx, p.Public, wrong, id); err == nil || r.StatusCode != http.StatusUnauthorized {
					t.Errorf("with %s: %v, %v", what, r, err)
				}
			}
			if r, err := extendSession(ctx, p.Public, key, token); err == nil || r.StatusCode != http.StatusBadRequest {
				t.Errorf("a session that is none: %v, %v", r, err)
			}
			inTypeScript(t, p, key, id, token)
			if err := p.Stop(); err != nil {
				t.Errorf("the server did not end well: %v", err)
			}
		})
	}
}

// inTypeScript checks the types of the same in TypeScript, and runs it.
func inTypeScript(t *testing.T, p *testkit.Process, key, id, token string) {
	t.Helper()
	for _, command := range [][]string{
		{"node_modules/.bin/tsc", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--outDir", "node_modules/.snippets", "extend-session.mts"},
		{"node", "--test", "key.test.mjs"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = "js"
		cmd.Env = append(os.Environ(), "ORY_SDK_URL="+p.Public, "ORY_API_KEY="+key, "SESSION_ID="+id, "SESSION_TOKEN="+token)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
}
