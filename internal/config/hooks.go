package config

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Hook is a web address that is told what happens.
type Hook struct {
	URL                   string   // http or https; it may hold a secret
	Key                   []byte   // what signs: the secret, or what its Base64 after whsec_ stands for
	Events                []string // kinds, out of HookEvents
	GiveUpAfter           time.Duration
	AllowPrivateAddresses bool
}

// HookEvents are the kinds of events that a hook can be told.
var HookEvents = []string{"session_started", "session_refreshed", "session_stepped_up", "session_extended", "session_ended", "session_deleted",
	"identity_created", "identity_updated", "identity_deleted",
	"key_created", "key_revoked", "visit_started", "visit_ended", "settings_changed", "delivery_retried"}

const (
	hookParts   = "url, secret or secret_file, events, give_up_after and allow_private_addresses"
	hookGiveUp  = 24 * time.Hour
	hookSecret  = "a text of at least 32 characters, or whsec_ and at least 24 bytes in Base64"
	leastSecret = 32 // characters
	leastKey    = 24 // bytes
)

// hookList is the list of web hooks; their addresses differ.
var hookList = kind[[]Hook]{name: "a list, each item a map with " + hookParts, many: true, parse: func(s site) ([]Hook, bool) {
	all, ok := listOf(oneHook).parse(s)
	seen := map[string]bool{}
	for i, h := range all {
		if h.URL != "" && seen[h.URL] {
			s.item(i).wrong("the same url is in the list before; keep one of them, with all events")
			ok = false
		}
		seen[h.URL] = true
	}
	return all, ok
}}

// oneHook is one entry of session.hooks.
var oneHook = kind[Hook]{name: "a map with " + hookParts, parse: func(s site) (Hook, bool) {
	h := Hook{Events: []string{"session_ended"}, GiveUpAfter: hookGiveUp}
	ok := s.parts(hookParts, "url",
		part{"url", func(s site) { h.URL, _ = hookURL.parse(s) }},
		part{"secret", func(s site) { h.Key, _ = hookKey.parse(s) }},
		part{"secret_file", func(s site) { h.Key, _ = hookKeyFile.parse(s) }},
		part{"events", func(s site) { h.Events, _ = hookEvents.parse(s) }},
		part{"give_up_after", func(s site) { h.GiveUpAfter, _ = duration("h", time.Second).parse(s) }},
		part{"allow_private_addresses", func(s site) { h.AllowPrivateAddresses, _ = boolean.parse(s) }})
	switch secret, file := s.value.child("secret"), s.value.child("secret_file"); {
	case s.value.kind != object:
	case secret == nil && file == nil:
		s.wrong("has no secret; write secret or secret_file, so that the receiver can tell who is calling")
		ok = false
	case secret != nil && file != nil:
		s.wrong("has both secret and secret_file; keep one of them")
		ok = false
	}
	return h, ok
}}

// hookURL is where a hook is. Its problems never show the value, which may hold a secret.
var hookURL = kind[string]{name: "an http or https URL", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Contains(u.Host, "*"):
		s.wrong("is not the address of a hook; write one such as https://app.example.com/hooks/sessions")
	case hostFault(u) != "":
		s.wrong("%s", hostFault(u))
	case u.User != nil || strings.Contains(text, "#"):
		s.wrong("the address of a hook has no user name and no fragment; remove it, as the receiver checks the signature")
	default:
		return text, true
	}
	return "", false
}}

// hookKey is the secret of a hook. Its problems never show it.
var hookKey = kind[[]byte]{name: hookSecret, parse: func(s site) ([]byte, bool) {
	text, ok := s.word(hookSecret, "!!str")
	if !ok {
		return nil, false
	}
	return s.signingKey(text)
}}

// hookKeyFile is a file with the secret of a hook.
var hookKeyFile = kind[[]byte]{name: "the name of a file", parse: func(s site) ([]byte, bool) {
	path, ok := texts.parse(s)
	if !ok {
		return nil, false
	}
	raw, err := readBounded(path)
	if err != nil {
		s.wrong("the file %s cannot be read: %s", quoted(path), err)
		return nil, false
	}
	return s.signingKey(strings.TrimRight(string(raw), "\r\n"))
}}

// signingKey is the key that a secret stands for.
func (s site) signingKey(secret string) ([]byte, bool) {
	encoded, isBase64 := strings.CutPrefix(secret, "whsec_")
	key := []byte(secret)
	fits := utf8.RuneCountInString(secret) >= leastSecret
	if isBase64 {
		var err error
		key, err = base64.StdEncoding.DecodeString(encoded)
		fits = err == nil && len(key) >= leastKey
	}
	if !fits {
		s.wrong("the secret does not fit; write %s", hookSecret)
	}
	return key, fits
}

// hookEvents is a list of kinds of events. A variable may hold them with commas.
var hookEvents = kind[[]string]{name: "a list of kinds of events", parse: func(s site) ([]string, bool) {
	if s.value.kind == scalar && s.value.tag == "" {
		s.value = items(s.value.at, strings.Split(s.value.text, ","))
	}
	all, ok := listOf(oneOf(HookEvents, nil)).parse(s)
	if ok && len(all) == 0 {
		s.wrong("is empty; write at least one kind of events, or leave the key out for session_ended")
		return nil, false
	}
	seen := map[string]bool{}
	for i, name := range all {
		if ok && seen[name] {
			s.item(i).wrong("%s is in the list twice; keep one of them", name)
			return nil, false
		}
		seen[name] = true
	}
	return all, ok
}}
