package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzLoad loads whatever it is given: it must not panic, and it must answer with a configuration or with problems.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"testdata/quickstart.yml", "testdata/mistakes.yml"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw), "24h")
	}
	f.Add("dev: true\n---\n", `[{"hook":"session"}]`)
	f.Add("a: &a [*a]\n? [b]\n: {<<: *a}\n", "a,b,,")
	f.Add("{\"session\":\t{\"lifespan\": 24}}", "[")
	f.Add("\xff\xfe", "\x00")
	f.Add("session: !!int x\ndsn: !!binary aGk=\nlog: ~\n", "{a: &b [*b]}")
	f.Fuzz(func(t *testing.T, file, variable string) {
		c, err := Load([]string{written(t, file)}, []string{
			"SESSION_LIFESPAN=" + variable, "SECRETS_COOKIE=" + variable, "SERVE_PUBLIC_TRUSTED_PROXIES_0=" + variable,
			"IDENTITY_SCHEMAS=" + variable, "SELFSERVICE_FLOWS_LOGIN_AFTER_HOOKS=" + variable, "SELFSERVICE_ALLOWED_RETURN_URLS=" + variable,
			"SESSION_HOOKS=" + variable, "SESSION_HOOKS_0_URL=" + variable,
		})
		var p *Problems
		if (c == nil) != errors.As(err, &p) {
			t.Errorf("neither or both: %v and %v", c, err)
		}
		if p != nil && (len(p.List) == 0 || p.Error() == "") {
			t.Error("an error without a problem")
		}
	})
}
