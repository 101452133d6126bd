package config

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// The addresses that something is read from.
var (
	schemaURL = source("schema", "schema.json", "file", "base64", "http", "https")
	mapperURL = source("mapper", "mapper.jsonnet", "file", "base64", "http", "https")
	logo      = source("picture", "logo.svg", "file", "base64")
	keysURL   = source("key set", "keys.json", "file", "base64")
)

// source is where a thing is read from, by one of a few schemes. What is no such address may be the thing itself, such
// as a key, so a problem shows no more than its scheme.
func source(thing, example string, schemes ...string) kind[string] {
	name, want := "a file:// or base64:// URL", "write file:///path/"+example+" or base64://…"
	if len(schemes) > 2 {
		name, want = "a file://, base64://, http:// or https:// URL", "write file:///path/"+example+", base64://…, or an http or https URL"
	}
	return kind[string]{name: name, parse: func(s site) (string, bool) {
		text, ok := texts.parse(s)
		if !ok {
			return "", false
		}
		scheme, rest, _ := strings.Cut(text, "://")
		switch {
		case !slices.Contains(schemes, scheme) || rest == "":
			s.wrong("%s is not a place to read from; %s", schemeOf(text), want)
			return "", false
		case scheme == "base64":
			if _, err := base64.StdEncoding.DecodeString(rest); err != nil {
				s.wrong("what follows base64:// is not standard Base64; encode the %s again, with padding", thing)
				return "", false
			}
		case scheme != "file":
			if u, err := url.Parse(text); err != nil || u.Hostname() == "" {
				s.wrong("%s is not a URL; write one such as https://example.com/%s", quoted(text), example)
				return "", false
			}
		}
		return text, true
	}}
}

func schemeOf(text string) string {
	scheme, _, found := strings.Cut(text, "://")
	if !found {
		return "a text without scheme"
	}
	return quoted(scheme + "://…")
}
