package config

import (
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key with a near name is suggested":        {"\nselfservice: {flows: {logot: {}}}", "exeunt.yml:2: unknown key selfservice.flows.logot; did you mean logout?"},
		"a key in the wrong place is suggested with its path": {"haveibeenpwned_enabled: true", "exeunt.yml:1: unknown key haveibeenpwned_enabled; did you mean selfservice.methods.password.config.haveibeenpwned_enabled?"},
		"an unknown key like nothing lists what is known":     {"log: {zzzzzzzzz: 1}", "exeunt.yml:1: unknown key log.zzzzzzzzz; known here: audit, checks, format, level, leak_sensitive_values, redaction_text"},
		"a duration without unit":                             {"session:\n  lifespan: 24", `exeunt.yml:2: session.lifespan: "24" has no unit; write 24h`},
		"a duration in days":                                  {"session: {lifespan: 2d}", `exeunt.yml:1: session.lifespan: "2d": days and weeks are written in hours; write 48h`},
		"a negative duration":                                 {"session: {lifespan: -1h}", `exeunt.yml:1: session.lifespan: "-1h" is too short; write 1s or more`},
		"no value":                                            {"dsn:", "exeunt.yml:1: dsn: has no value; write a data source name, or leave the key out"},
		"a text for a map":                                    {"serve: all", "exeunt.yml:1: serve: found a text, want keys such as admin, public"},
		"a map for a text":                                    {"dsn: {a: b}", "exeunt.yml:1: dsn: found a map, want a text"},
		"a number for a text":                                 {"identity: {default_schema_id: 1}", "exeunt.yml:1: identity.default_schema_id: found a number, want a text; put it in quotes"},
		"a text for a switch":                                 {"dev: yes", `exeunt.yml:1: dev: found the text "yes", want true or false without quotes`},
		"a text for a list":                                   {"secrets: {cookie: do-not-print-this-secret}", "exeunt.yml:1: secrets.cookie: found a text, want a list; write each item on its own line after a dash"},
		"a port that is too large":                            {"serve: {public: {port: 70000}}", "exeunt.yml:1: serve.public.port: 70000 is not possible; write a whole number from 0 to 65535"},
		"a size without unit":                                 {"hashers: {argon2: {memory: 128}}", `exeunt.yml:1: hashers.argon2.memory: "128" has no unit; write 128B for bytes or a size such as 64MiB`},
		"two listeners on one port":                           {"serve:\n  public: {port: 4434}", "exeunt.yml:2: serve.public.port: the public and the admin listener share port 4434; give each its own"},
		"TLS":                                                 {"serve: {public: {tls: {key: {path: /k}}}}", "exeunt.yml:1: serve.public.tls.key.path: exeunt does not speak TLS itself; remove it and put a proxy in front"},
		"a unix socket":                                       {"serve: {public: {host: 'unix:/run/x'}}", "exeunt.yml:1: serve.public.host: unix sockets are not supported; write an IP address"},
		"a proxy range that is everybody":                     {"serve: {public: {trusted_proxies: [0.0.0.0/0]}}", `exeunt.yml:1: serve.public.trusted_proxies[0]: "0.0.0.0/0" would trust everybody; write the addresses of your proxies`},
		"a method that is not offered":                        {"selfservice: {methods: {webauthn: {enabled: true}}}", "exeunt.yml:1: selfservice.methods.webauthn.enabled: exeunt does not offer this method yet; set it to false"},
		"a flow that is not offered":                          {"selfservice: {flows: {recovery: {enabled: true}}}", "exeunt.yml:1: selfservice.flows.recovery.enabled: exeunt does not offer this flow yet; set it to false"},
		"a Kratos value that is not supported":                {"selfservice: {flows: {login: {style: identifier_first}}}", `exeunt.yml:1: selfservice.flows.login.style: "identifier_first" is a Kratos value that exeunt does not support: write unified`},
		"a hook of the wrong flow":                            {"selfservice: {flows: {login: {after: {hooks: [{hook: session}]}}}}", "exeunt.yml:1: selfservice.flows.login.after.hooks[0]: exeunt does not run the hook session here; remove it, or write revoke_active_sessions"},
		"a hook before a flow":                                {"selfservice: {flows: {login: {before: {hooks: [{hook: web_hook}]}}}}", "exeunt.yml:1: selfservice.flows.login.before.hooks[0]: exeunt does not run the hook web_hook here; remove it"},
		"a hook before the settings":                          {"selfservice: {flows: {settings: {before: {hooks: [{hook: web_hook}]}}}}", "exeunt.yml:1: selfservice.flows.settings.before.hooks[0]: exeunt does not run the hook web_hook here; remove it"},
		"a hook after the settings":                           {"selfservice: {flows: {settings: {after: {totp: {hooks: [{hook: web_hook}]}}}}}", "exeunt.yml:1: selfservice.flows.settings.after.totp.hooks[0]: exeunt does not run the hook web_hook here; remove it, or write revoke_active_sessions"},
		"a hook after a change of the profile":                {"selfservice: {flows: {settings: {after: {profile: {hooks: [{hook: revoke_active_sessions}]}}}}}", "exeunt.yml:1: selfservice.flows.settings.after.profile.hooks[0]: exeunt does not run the hook revoke_active_sessions here; remove it"},
		"a hook that does not exist":                          {"selfservice: {flows: {registration: {after: {hooks: [{hook: sesion}]}}}}", `exeunt.yml:1: selfservice.flows.registration.after.hooks[0].hook: "sesion" is not a hook; did you mean session?`},
		"a hook twice":                                        {"selfservice: {flows: {registration: {after: {hooks: [{hook: session}, {hook: session}]}}}}", "exeunt.yml:1: selfservice.flows.registration.after.hooks[1]: the hook session is in the list twice; keep one of them"},
		"organizations":                                       {"organizations: [a]", "exeunt.yml:1: organizations: exeunt has no organizations; remove them"},
		"a default schema that is not in the list":            {"identity: {schemas: [{id: a, url: 'https://x/'}]}", `exeunt.yml:1: identity.schemas: the default schema "default" is not in identity.schemas; set identity.default_schema_id to one of its ids, such as "a"`},
		"a schema without url":                                {"identity: {schemas: [{id: default}]}", "exeunt.yml:1: identity.schemas[0]: has no url; write where the schema is read from, such as file:///etc/exeunt/schema.json"},
		"a schema with an unknown entry":                      {"identity: {schemas: [{id: default, url: 'https://x/', uri: 1}]}", "exeunt.yml:1: identity.schemas[0]: unknown key uri; did you mean url?"},
		"a schema id twice":                                   {"identity: {schemas: [{id: default, url: 'https://x/'}, {id: default, url: 'https://y/'}]}", `exeunt.yml:1: identity.schemas[1]: the id "default" is already taken; give each schema its own`},
		"a schema from nowhere":                               {"identity: {schemas: [{id: default, url: 'ftp://u:pass@x/'}]}", `exeunt.yml:1: identity.schemas[0].url: "ftp://…" is not a place to read from; write file:///path/schema.json, base64://…, or an http or https URL`},
		"hashes that would never run":                         {"hashers: {argon2: {memory: 512MB, dedicated_memory: 256MB}}", "exeunt.yml:1: hashers.argon2.dedicated_memory: hashers.argon2.dedicated_memory is less than one hash needs; raise it to at least hashers.argon2.memory"},
		"a cipher key of another length":                      {"secrets: {cipher: [do-not-print-this]}", "exeunt.yml:1: secrets.cipher[0]: the secret does not fit; write a text of exactly 32 bytes"},
		"a secret twice":                                      {"secrets: {cookie: [do-not-print-this, do-not-print-this]}", "exeunt.yml:1: secrets.cookie[1]: the secret is in the list twice; keep one of them"},
		"a database address that is no URL":                   {"dsn: 'postgres://u:do-not-print%@h/db'", "exeunt.yml:1: dsn: is not a URL; write special characters in user name and password as %XX"},
		"a database address without scheme":                   {"dsn: do-not-print", "exeunt.yml:1: dsn: is not a known data source name; write memory, sqlite://path?_fk=true or postgres://user:password@host/database"},
		"a base URL with a user name":                         {"serve: {public: {base_url: 'https://u:do-not-print@x/'}}", "exeunt.yml:1: serve.public.base_url: a base URL has no user name, query or fragment; write one such as https://auth.example.com/"},
		"an old key":                                          {"selfservice: {whitelisted_return_urls: []}", "exeunt.yml:1: selfservice.whitelisted_return_urls: this key has a new name; write selfservice.allowed_return_urls"},
		"an inert key of the wrong type":                      {"ciphers: {algorithm: 1}", "exeunt.yml:1: ciphers.algorithm: found a number, want one of noop, aes, xchacha20-poly1305"},
		"a page that no browser opens":                        {"selfservice: {flows: {login: {ui_url: 'myapp://login'}}}", `exeunt.yml:1: selfservice.flows.login.ui_url: "myapp://login" is not the address of a page; write an https address, or a path that begins with /`},
		"a name that no page has room for":                    {"ui: {product_name: '" + strings.Repeat("ü", 61) + "'}", "exeunt.yml:1: ui.product_name: \"" + strings.Repeat("ü", 61) + "\" is too long for a page; write at most 60 characters"},
		"a picture from somewhere else":                       {"ui: {logo: 'https://x.example/logo.svg'}", `exeunt.yml:1: ui.logo: "https://…" is not a place to read from; write file:///path/logo.svg or base64://…`},
		"a picture that is not Base64":                        {"ui: {logo: 'base64://?'}", "exeunt.yml:1: ui.logo: what follows base64:// is not standard Base64; encode the picture again, with padding"},
		"a base URL whose host is no host":                    {"serve: {public: {base_url: 'https://ü.example/'}}", `exeunt.yml:1: serve.public.base_url: "https://ü.example/": its host has characters that no address can have; write letters, digits, - and ., and other letters in Punycode (xn--…)`},
	} {
		t.Run(name, func(t *testing.T) {
			got := complaints(t, c.text)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Contains(got, "do-not-print") {
				t.Error("a secret is in the text of a problem")
			}
		})
	}
}

func TestBrokenFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a key twice":               {"dev: true\ndev: false", "exeunt.yml:2: dev is already set in line 1; keep one of them"},
		"two documents":             {"dev: true\n---\ndev: false", "exeunt.yml:2: a second document begins here; keep one document in a file"},
		"tabs":                      {"session:\n\tlifespan: 1h", "with spaces, not with tabs"},
		"an open bracket":           {"session: [", "is not YAML: "},
		"a list":                    {"- dev", "exeunt.yml:1: found a list, want a map of keys"},
		"an unknown anchor":         {"dev: *x", "is not YAML: unknown anchor 'x' referenced"},
		"a merge key":               {"session: &a {lifespan: 1h}\nlog: {<<: *a}", "exeunt.yml:2: a key must be a plain text; write merged or computed keys out"},
		"an alias of itself":        {"courier: &a [*a, *a]", "is too large or nests too deeply"},
		"aliases that multiply":     {"courier:\n  a: &a [1,1,1,1,1,1,1,1,1,1]\n  b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n  d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n  e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]", "is too large or nests too deeply"},
		"more than a file may hold": {"# " + strings.Repeat("x", maxBytes), "exeunt.yml: cannot be read: it is longer than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := complaints(t, c.text); !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if _, err := Load([]string{"testdata/absent.yml"}, nil); err == nil || err.Error() != "testdata/absent.yml: cannot be read: no such file or directory" {
		t.Errorf("an absent file: %v", err)
	}
	if _, err := Load([]string{"testdata"}, nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	for _, empty := range []string{"", "# nothing\n", "---\n", "null"} {
		if got := complaints(t, empty); got != "" {
			t.Errorf("%q: %s", empty, got)
		}
	}
}

func TestReturnURLs(t *testing.T) {
	for entry, want := range map[string]string{
		"https://app.example.com":        "",
		"https://app.example.com:8443/a": "",
		"http://localhost:4455/ok":       "",
		"http://[::1]:4455/":             "",
		"/welcome":                       "",
		"https://*.example.com":          "",
		"https://*.example.co.uk:8443/":  "",
		"myapp://":                       "",
		"com.example.app:/callback":      "",
		"exp://localhost:8081/--/done":   "",

		"exp://192.168.0.1:8081":    "",
		"http://[2001:db8::1]/":     "",
		"/a b":                      "",
		"myapp://42":                "",
		"com.example.app:/oauth":    "",
		"https://xn--mnchen-3ya.de": "",

		"https://*":                    "whole first label",
		"https://*.com":                "everybody's domains",
		"https://*.co.uk":              "everybody's domains",
		"https://*.127.0.0.1":          "everybody's domains",
		"https://*noexample.com":       "whole first label",
		"https://foo.*.example.com":    "whole first label",
		"https://*.*.example.com":      "whole first label",
		"https://app.example.com/*":    "a * outside the host stands for itself",
		"//app.example.com/":           "it has no scheme; write https://app.example.com/",
		"app.example.com":              "it has no scheme",
		"app.example.com:8080/x":       "it has no scheme",
		"localhost:3000":               "it has no scheme",
		"https:///path":                "it has no host",
		"https:app.example.com":        "it can never match",
		"myapp:callback":               "it can never match; write myapp://callback or myapp:/callback",
		"https://u:secret@example.com": "a user name or password",
		`https://app.example.com\evil`: "backslash",
		`/\evil.example`:               "backslash",
		"javascript:alert(1)":          "a browser runs or refuses",
		"data:text/html,x":             "a browser runs or refuses",
		"https://app.example.com:0/":   "its port is not possible",
		"https://app.example.com:/":    "its port is not possible",
		"https://app.example.com:080":  "its port is not possible",
		"https://app.example.com:x/":   "not a URL",
		"myapp://:80":                  "a port and no host",
		"myapp:":                       "it can never match; write myapp://",
		"http://":                      "it has no host",
		"ws:///x":                      "it has no host",
		"https://münchen.de":           "Punycode",
		"https://a,b.example.com":      "characters that no address can have",
		"myapp://a b":                  "not a URL",
		"http://127.1":                 "read its host as a number",
		"http://2130706433/":           "read its host as a number",
		"http://0x7f.1":                "read its host as a number",
		"http://127.0.0.01":            "read its host as a number",
		"http://127.0.0.1.":            "read its host as a number",
		"http://*.1.2.3":               "read its host as a number",
		"http://*.1.2.3.4":             "everybody's domains",
		"http://[::ffff:127.0.0.1]/":   "not a plain IPv6 address",
		"http://[fe80::1%25eth0]/":     "not a plain IPv6 address",
		"https://app.example.com/%5cx": "an encoded backslash",
		"/a%00":                        "an encoded backslash or NUL",
		"/a%2Fb":                       "an encoded slash",
		" https://app.example.com":     "begins or ends with a space",
		"":                             "is empty",
	} {
		got := complaints(t, "selfservice:\n  allowed_return_urls:\n  - '"+entry+"'\n")
		if (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%q: got %q, want %q", entry, got, want)
		}
	}
	if got := complaints(t, "selfservice: {default_browser_return_url: 'https://*.example.com/'}"); !strings.Contains(got, "write one address") {
		t.Errorf("a wildcard as the default: %q", got)
	}
}
