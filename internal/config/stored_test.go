package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func patch(t *testing.T, text string) map[string]any {
	t.Helper()
	p := map[string]any{}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAMergePatchChangesWhatItNamesAndTakesBackWhatItNulls(t *testing.T) {
	s := Stored{}
	for _, step := range []struct{ patch, want string }{
		{`{"session":{"lifespan":"12h","limit":{"max":3}}}`, `{"session.lifespan":"12h","session.limit.max":3}`},
		{`{"selfservice":{"allowed_return_urls":["https://a.example/?x=<&>"]}}`, `{"selfservice.allowed_return_urls":["https://a.example/?x=\u003c\u0026\u003e"],"session.lifespan":"12h","session.limit.max":3}`},
		{`{"session":{"limit":null}}`, `{"selfservice.allowed_return_urls":["https://a.example/?x=\u003c\u0026\u003e"],"session.lifespan":"12h"}`},
		{`{"selfservice":null,"session":{"lifespan":"1h"}}`, `{"session.lifespan":"1h"}`},
		{`{"session":{}}`, `{"session.lifespan":"1h"}`},
		{`{"session":{"lifespan":null,"idle_timeout":null}}`, `{}`},
	} {
		next, err := s.Patched(patch(t, step.patch))
		if err != nil {
			t.Fatal(err)
		}
		if s = next; s.Document() != step.want {
			t.Errorf("after %s there is %s, want %s", step.patch, s.Document(), step.want)
		}
	}
}

func TestAPatchTellsAllThatCannotBeSet(t *testing.T) {
	_, err := Stored{}.Patched(patch(t, `{"dsn":"x","session":{"cookie":{"name":"y"},"lifespan.x":"1h","limit":3},"selfservice":{"flows":{"login":{}}},"session.lifespan":"1h"}`))
	for _, want := range []string{"dsn", "session.cookie", "session.lifespan.x", "session.limit: is no value", "selfservice.flows.login", "session.lifespan: cannot"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}

func TestTheStoreGoesBeforeEnvironmentAndFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "exeunt.yml")
	if err := os.WriteFile(file, []byte("session: {lifespan: 1h, limit: {max: 1}}\nsecrets: {default: [sixteen-letters-at-least]}\ndsn: postgres://user:hunter2@db/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, origins, err := Read([]string{file}, []string{"SESSION_LIFESPAN=2h", "SESSION_LIMIT_MAX=2"}).Load(Stored{"session.lifespan": []byte(`"3h"`), "a.key.of.later": []byte(`1`)})
	if err != nil {
		t.Fatal(err)
	}
	if c.Session.Lifespan.Hours() != 3 || c.Session.Limit.Max != 2 {
		t.Errorf("a session lives %v, and %d at most", c.Session.Lifespan, c.Session.Limit.Max)
	}
	shown := map[string]Line{}
	for _, line := range origins.Show() {
		shown[line.Path] = line
	}
	for _, want := range []Line{
		{"session.lifespan", "3h", "store"}, {"session.limit.max", "2", "environment SESSION_LIMIT_MAX"}, {"session.limit.policy", "evict_oldest", "default"},
		{"secrets.default", "[hidden]", file + ":2"}, {"dsn", "postgres://[hidden]", file + ":3"},
	} {
		if diff := cmp.Diff(want, shown[want.Path]); diff != "" {
			t.Error(diff)
		}
	}
	_, _, err = Read([]string{file}, nil).Load(Stored{"session.lifespan": []byte(`"3"`)})
	if want := `the setting session.lifespan: "3" has no unit; write 3h`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestWhatNeedsARestartIsNamed(t *testing.T) {
	read := func(text string) (*Config, Origins) {
		file := filepath.Join(t.TempDir(), "exeunt.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, origins, err := Read([]string{file}, nil).Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, origins
	}
	before, was := read("log: {level: info}\nsession: {lifespan: 1h, cookie: {name: a}}\nserve: {public: {trusted_proxies: [10.0.0.1]}}\n")
	after, is := read("# moved\nserve: {public: {trusted_proxies: [10.0.0.1]}}\nsession: {lifespan: 2h, cookie: {name: b}}\nselfservice: {allowed_return_urls: ['https://a.example/']}\nui: {product_name: X}\n")
	if got, want := was.Restart(is), []string{"log.level", "session.cookie.name", "ui.product_name"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	adopted := before.Adopt(after)
	if adopted.Session.Lifespan != after.Session.Lifespan || !slices.Equal(adopted.SelfService.AllowedReturnURLs, after.SelfService.AllowedReturnURLs) ||
		adopted.Session.Cookie.Name != "a" || adopted.UI.ProductName != before.UI.ProductName || before.Session.Lifespan == after.Session.Lifespan {
		t.Errorf("got %+v", adopted)
	}
}

// Every key that the store may hold can change while the server runs, is in the table, and is shown.
func TestTheStoreHoldsOnlyWhatCanChange(t *testing.T) {
	values := loaded(t, "").Values()
	for _, path := range StoredKeys() {
		_, shown := values[path]
		if !Reloadable(path) || !shown || !slices.ContainsFunc(Keys(), func(k Key) bool { return k.Path == path && k.Class == Supported }) {
			t.Errorf("%s", path)
		}
	}
}
