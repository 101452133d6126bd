package config

import (
	"net/url"
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
