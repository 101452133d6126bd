package config

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"
)

// pageURL is where a page is that people see in a browser.
var pageURL = kind[string]{name: "an http or https URL, or a path that begins with /", parse: func(s site) (string, bool) {
	text, ok := returnURL.parse(s)
	if !ok {
		return "", false
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "" && !webScheme(u.Scheme) {
		s.wrong("%s is not the address of a page; write an https address, or a path that begins with /", quoted(text))
		return "", false
	}
	return text, true
}}

const longestName = 60

var productName = kind[string]{name: "a text", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if ok && utf8.RuneCountInString(text) > longestName {
		s.wrong("%s is too long for a page; write at most %d characters", quoted(text), longestName)
		return "", false
	}
	return text, ok
}}

// logo is where a picture is read from.
var logo = kind[string]{name: "a file:// or base64:// URL", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme != "file" && scheme != "base64" || rest == "" {
		s.wrong("%s is not a place to read from; write file:///path/logo.svg or base64://…", quoted(text))
		return "", false
	}
	if _, err := base64.StdEncoding.DecodeString(rest); scheme == "base64" && err != nil {
		s.wrong("what follows base64:// is not standard Base64; encode the picture again, with padding")
		return "", false
	}
	return text, true
}}
