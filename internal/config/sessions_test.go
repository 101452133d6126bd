package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRulesOfSessionsReachTheConfig(t *testing.T) {
	c := loaded(t, `
session:
  sliding: true
  idle_timeout: 30m
  max_lifespan: 720h
  limit: {max: 5, policy: deny}
  remember_me: {lifespan: 720h}
  cleanup: {event_retention: 48h}
feature_flags: {cacheable_sessions: true, cacheable_sessions_max_age: 5s}
`)
	s := c.Session
	if !s.Sliding || s.IdleTimeout != 30*time.Minute || s.MaxLifespan != 720*time.Hour || s.RememberMe != 720*time.Hour || s.Cleanup.EventRetention != 48*time.Hour {
		t.Errorf("got %+v", s)
	}
	if s.Limit != (Limit{Max: 5, Policy: "deny"}) || !s.Cacheable || s.CacheableMaxAge != 5*time.Second {
		t.Errorf("got %+v", s)
	}
	c = loaded(t, "session: {idle_timeout: 0s, max_lifespan: 0s, remember_me: {lifespan: 0s}}", "FEATURE_FLAGS_CACHEABLE_SESSIONS_MAX_AGE=0s")
	if s := c.Session; s.IdleTimeout != 0 || s.MaxLifespan != 0 || s.RememberMe != 0 || s.CacheableMaxAge != 0 || len(c.Notices) != 0 {
		t.Errorf("0s is not none: %+v, %q", s, c.Notices)
	}
}

func TestTimesOfSessionsThatContradictEachOtherAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"max_lifespan: 12h":                    "exeunt.yml:1: session.max_lifespan: session.lifespan (24h0m0s) is longer than session.max_lifespan (12h0m0s) lets any session live; lower the one or raise the other",
		"lifespan: 2h, max_lifespan: 1h59m":    "session.max_lifespan: session.lifespan (2h0m0s) is longer",
		"lifespan: 2h, max_lifespan: 2h":       "",
		"max_lifespan: 500ms":                  `session.max_lifespan: "500ms" is too short; write 1s or more, or 0s for none`,
		"max_lifespan: -1s":                    "is too short",
		"idle_timeout: 25h":                    "session.idle_timeout: session.idle_timeout (25h0m0s) would never matter, because sessions last 24h0m0s; write less, or leave it out",
		"idle_timeout: 24h":                    "",
		"idle_timeout: 1ms":                    "is too short; write 1s or more, or 0s for none",
		"limit: {max: -1}":                     "session.limit.max: -1 is not possible",
		"limit: {policy: evict_olest}":         "did you mean evict_oldest?",
		"cleanup: {event_retention: 90d}":      "days and weeks are written in hours; write 2160h",
		"sliding: 'yes'":                       "session.sliding: found the text",
		"idle_timout: 1h":                      "unknown key session.idle_timout; did you mean idle_timeout?",
		"limit: {maximum: 1}":                  "unknown key session.limit.maximum",
		"remember_me: {lifespan: 720h}":        "",
		"remember_me: 720h":                    "session.remember_me: found a text, want keys such as lifespan",
		"lifespan: soon, max_lifespan: 1s":     `session.lifespan: "soon" is not a duration`,
		"lifespan: 48h, idle_timeout: 36h":     "",
		"idle_timeout: 0s, max_lifespan: 0s":   "",
		"lifespan: 1h, max_lifespan: 24h":      "",
		"idle_timeout: 25h, max_lifespan: 30h": "would never matter",

		"remember_me: {lifespan: 720h}, idle_timeout: 25h":                           "",
		"remember_me: {lifespan: 720h}, max_lifespan: 72h":                           "session.remember_me.lifespan: session.remember_me.lifespan (720h0m0s) is longer than session.max_lifespan (72h0m0s) lets any session live",
		"remember_me: {lifespan: 720h}, cookie: {persistent: false}":                 "session.remember_me.lifespan: whoever stays signed in needs a cookie that outlives the browser, and session.cookie.persistent forbids it; leave out one of the two",
		"remember_me: {lifespan: 720h}, cookie: {persistent: true}":                  "",
		"remember_me: {lifespan: 0s}, cookie: {persistent: false}, max_lifespan: 0s": "",
	} {
		got := complaints(t, "session: {"+text+"}")
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestWhatSettingsOfSessionsMeanIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"feature_flags: {cacheable_sessions: true}":                                  "feature_flags.cacheable_sessions: whoever obeys the header accepts a session that has ended until its original expiry; set feature_flags.cacheable_sessions_max_age to a few seconds",
		"feature_flags: {cacheable_sessions: true, cacheable_sessions_max_age: 10s}": "feature_flags.cacheable_sessions: whoever obeys the header accepts a session that has ended for up to 10s",
		"session: {remember_me: {lifespan: 1h}}":                                     "session.remember_me.lifespan: it is shorter than session.lifespan, so whoever chooses to stay signed in is signed out sooner",
		"feature_flags: {cacheable_sessions_max_age: 10s}":                           "",
	} {
		if got := strings.Join(loaded(t, text).Notices, "\n"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestTemplatesOfTokens(t *testing.T) {
	want := map[string]Template{
		"jwt":      {KeysURL: "file:///etc/exeunt/keys.json", TTL: time.Minute, Subject: "id"},
		"a.B_c-9":  {KeysURL: "base64://e30=", MapperURL: "https://x.example/m.jsonnet", TTL: 10 * time.Minute, Subject: "external_id"},
		"mapped":   {KeysURL: "file://keys.json", MapperURL: "file://m.jsonnet", TTL: time.Second, Subject: "id"},
		"elsewise": {KeysURL: "file://keys.json", MapperURL: "base64://e30=", TTL: time.Minute, Subject: "id"},
	}
	text := `
session:
  whoami:
    tokenizer:
      templates:
        jwt: {jwks_url: "file:///etc/exeunt/keys.json"}
        a.B_c-9: {jwks_url: "base64://e30=", claims_mapper_url: "https://x.example/m.jsonnet", ttl: 10m, subject_source: external_id}
        mapped: {jwks_url: "file://keys.json", claims_mapper_url: "file://m.jsonnet", ttl: 1s, subject_source: id}
        elsewise: {jwks_url: "file://keys.json", claims_mapper_url: "base64://e30="}
`
	if diff := cmp.Diff(want, loaded(t, text).Session.Templates); diff != "" {
		t.Error(diff)
	}
	c := loaded(t, "", `SESSION_WHOAMI_TOKENIZER_TEMPLATES={"jwt":{"jwks_url":"file://k","ttl":"2m"}}`)
	if diff := cmp.Diff(map[string]Template{"jwt": {KeysURL: "file://k", TTL: 2 * time.Minute, Subject: "id"}}, c.Session.Templates); diff != "" {
		t.Error(diff)
	}
	for _, none := range []string{"templates:", "templates: {}", "{}"} {
		if c := loaded(t, "session:\n  whoami:\n    tokenizer:\n      "+none); c.Session.Templates != nil {
			t.Errorf("%s: %v", none, c.Session.Templates)
		}
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"jwt: {}":                               "exeunt.yml:5: session.whoami.tokenizer.templates.jwt: has no jwks_url; write a map with jwks_url, claims_mapper_url, ttl and subject_source",
		"jwt:":                                  "exeunt.yml:5: session.whoami.tokenizer.templates.jwt: found nothing, want a map with jwks_url",
		"jwt: {jwks_url: 'file://k', ttll: 1m}": "exeunt.yml:5: session.whoami.tokenizer.templates.jwt: unknown key ttll; did you mean ttl?",
		"jwt: {jwks_url: 'file://k', zzzzzzz: 1m}":                         "session.whoami.tokenizer.templates.jwt: unknown key zzzzzzz; want jwks_url, claims_mapper_url, ttl and subject_source",
		"jwt: {jwks_url: 'file://k', ttl: 60}":                             `session.whoami.tokenizer.templates.jwt.ttl: "60" has no unit; write 60m`,
		"jwt: {jwks_url: 'file://k', ttl: 0s}":                             "templates.jwt.ttl: \"0s\" is too short; write 1s or more",
		"jwt: {jwks_url: 'https://x/k'}":                                   `templates.jwt.jwks_url: "https://…" is not a place to read from; write file:///path/keys.json or base64://…`,
		"jwt: {jwks_url: '{\"do-not-print\":1}'}":                          "templates.jwt.jwks_url: a text without scheme is not a place to read from",
		"jwt: {jwks_url: 'base46://do-not-print'}":                         `"base46://…" is not a place to read from`,
		"jwt: {jwks_url: 'base64://do-not-print'}":                         "what follows base64:// is not standard Base64; encode the key set again, with padding",
		"jwt: {jwks_url: 'file://'}":                                       `"file://…" is not a place to read from`,
		"jwt: {jwks_url: 'file://k', claims_mapper_url: 'ftp://x/m'}":      `claims_mapper_url: "ftp://…" is not a place to read from; write file:///path/mapper.jsonnet, base64://…, or an http or https URL`,
		"jwt: {jwks_url: 'file://k', subject_source: external}":            "subject_source: \"external\" is not known; did you mean external_id?",
		"'a b': {jwks_url: 'file://k'}":                                    `exeunt.yml:5: session.whoami.tokenizer.templates: "a b" is not a name for a template; write letters, digits, ., - and _`,
		"'': {jwks_url: 'file://k'}":                                       "is not a name for a template",
		"jwt: {jwks_url: 'file://k'}\n        jwt: {jwks_url: 'file://k'}": "exeunt.yml:6: session.whoami.tokenizer.templates.jwt is already set in line 5",
	} {
		got := complaints(t, "session:\n  whoami:\n    tokenizer:\n      templates:\n        "+text)
		if !strings.Contains(got, want) || strings.Contains(got, "\n") || strings.Contains(got, "do-not-print") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
	if got := complaints(t, "session: {whoami: {tokenizer: {templates: [a]}}}"); got != "exeunt.yml:1: session.whoami.tokenizer.templates: found a list, want a map of names to templates" {
		t.Error(got)
	}
}
