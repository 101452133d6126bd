package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodSecret = "do-not-print-this-secret-of-a-hook"

func hookFile(entries string) string { return "session:\n  hooks: [" + entries + "]" }

func TestHooksAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(goodSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := []byte("24 bytes are just enough")
	plain := Hook{URL: "https://a.example/hook?t=1", Key: []byte(goodSecret), Events: []string{"session_ended"}, GiveUpAfter: 24 * time.Hour}
	for sentence, c := range map[string]struct {
		text    string
		environ []string
		want    []Hook
	}{
		"none":               {text: "dev: false"},
		"with what it needs": {text: hookFile("{url: 'https://a.example/hook?t=1', secret: " + goodSecret + "}"), want: []Hook{plain}},
		"with everything": {text: hookFile("{url: 'http://10.0.0.7:8080/', secret: whsec_" + base64.StdEncoding.EncodeToString(key) + ", events: [session_started, identity_deleted], give_up_after: 90m, allow_private_addresses: true}"),
			want: []Hook{{URL: "http://10.0.0.7:8080/", Key: key, Events: []string{"session_started", "identity_deleted"}, GiveUpAfter: 90 * time.Minute, AllowPrivateAddresses: true}}},
		"with its secret in a file": {text: hookFile("{url: 'https://a.example/hook?t=1', secret_file: " + file + "}"), want: []Hook{plain}},
		"from variables": {text: "dev: false", environ: []string{"SESSION_HOOKS_0_URL=https://a.example/hook?t=1", "SESSION_HOOKS_0_SECRET_FILE=" + file, "SESSION_HOOKS_0_EVENTS=session_ended, session_deleted",
			"SESSION_HOOKS_0_GIVE_UP_AFTER=1h", "SESSION_HOOKS_0_ALLOW_PRIVATE_ADDRESSES=true"},
			want: []Hook{{URL: plain.URL, Key: plain.Key, Events: []string{"session_ended", "session_deleted"}, GiveUpAfter: time.Hour, AllowPrivateAddresses: true}}},
		"from a variable in JSON": {text: "dev: false", environ: []string{`SESSION_HOOKS=[{"url":"https://a.example/hook?t=1","secret":"` + goodSecret + `"}]`}, want: []Hook{plain}},
	} {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(c.want, loaded(t, c.text, c.environ...).Session.Hooks); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakesInHooksAreTold(t *testing.T) {
	const at = "exeunt.yml:2: session.hooks[0]"
	good := "url: 'https://a.example/do-not-print', "
	secret := "secret: " + goodSecret
	for sentence, c := range map[string]struct{ entries, want string }{
		"a text":                    {"https://a.example/", at + ": found a text, want a map with " + hookParts},
		"no url":                    {"{" + secret + "}", at + ": has no url; write a map with " + hookParts},
		"another scheme":            {"{url: 'ftp://do-not-print/', " + secret + "}", at + ".url: is not the address of a hook; write one such as https://app.example.com/hooks/sessions"},
		"a host that is none":       {"{url: 'https://a_ü.example/do-not-print', " + secret + "}", at + ".url: its host has characters that no address can have; write letters, digits, - and ., and other letters in Punycode (xn--…)"},
		"any host":                  {"{url: 'https://*.example/do-not-print', " + secret + "}", at + ".url: is not the address of a hook; write one such as https://app.example.com/hooks/sessions"},
		"a user name":               {"{url: 'https://u:do-not-print@a.example/', " + secret + "}", at + ".url: the address of a hook has no user name and no fragment; remove it, as the receiver checks the signature"},
		"a fragment":                {"{url: 'https://a.example/#do-not-print', " + secret + "}", at + ".url: the address of a hook has no user name and no fragment; remove it, as the receiver checks the signature"},
		"no secret":                 {"{url: 'https://a.example/'}", at + ": has no secret; write secret or secret_file, so that the receiver can tell who is calling"},
		"two secrets":               {"{" + good + secret + ", secret_file: /dev/null}", at + ".secret_file: the secret does not fit; write " + hookSecret + "\n" + at + ": has both secret and secret_file; keep one of them"},
		"a short secret":            {"{" + good + "secret: do-not-print}", at + ".secret: the secret does not fit; write " + hookSecret},
		"a secret that is a number": {"{" + good + "secret: 12345678901234567890123456789012}", at + ".secret: found a number, want " + hookSecret + "; put it in quotes"},
		"a secret in broken Base64": {"{" + good + "secret: whsec_do-not-print-this-secret-of-a-hook}", at + ".secret: the secret does not fit; write " + hookSecret},
		"a short key in Base64":     {"{" + good + "secret: whsec_" + base64.StdEncoding.EncodeToString([]byte("23 bytes do not suffice")) + "}", at + ".secret: the secret does not fit; write " + hookSecret},
		"a file that is not there":  {"{" + good + "secret_file: /nonexistent/secret}", at + `.secret_file: the file "/nonexistent/secret" cannot be read: no such file or directory`},
		"an unknown entry":          {"{" + good + secret + ", uri: x}", at + ": unknown key uri; did you mean url?"},
		"an unknown event":          {"{" + good + secret + ", events: [sesion_ended]}", at + `.events[0]: "sesion_ended" is not known; did you mean session_ended?`},
		"no event":                  {"{" + good + secret + ", events: []}", at + ".events: is empty; write at least one kind of events, or leave the key out for session_ended"},
		"an event twice":            {"{" + good + secret + ", events: [session_ended, session_ended]}", at + ".events[1]: session_ended is in the list twice; keep one of them"},
		"a time without unit":       {"{" + good + secret + ", give_up_after: 24}", at + `.give_up_after: "24" has no unit; write 24h`},
		"a text for a switch":       {"{" + good + secret + ", allow_private_addresses: yes}", at + `.allow_private_addresses: found the text "yes", want true or false without quotes`},
		"an address twice":          {"{" + good + secret + "}, {" + good + secret + "}", "exeunt.yml:2: session.hooks[1]: the same url is in the list before; keep one of them, with all events"},
		"several mistakes":          {"{url: x, secret: y, events: [z]}", at + ".url: is not the address of a hook; write one such as https://app.example.com/hooks/sessions\n" + at + ".secret: the secret does not fit; write " + hookSecret + "\n" + at + `.events[0]: "z" is not known; write one of ` + strings.Join(HookEvents, ", ")},
	} {
		t.Run(sentence, func(t *testing.T) {
			got := complaints(t, hookFile(c.entries))
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Contains(got, "do-not-print") {
				t.Error("a secret is in the text of a problem")
			}
		})
	}
}
