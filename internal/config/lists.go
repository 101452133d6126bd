package config

import (
	"strings"
	"unicode/utf8"
)

// secrets is a list of different texts of sufficient length. Its problems never show a value.
func secrets(fits func(string) bool, want string) kind[[]string] {
	items := listOf(kind[string]{name: want, parse: func(s site) (string, bool) {
		text, ok := s.word(want, "!!str")
		if ok && !fits(text) {
			s.wrong("the secret does not fit; write %s", want)
			return "", false
		}
		return text, ok
	}})
	parse := items.parse
	items.parse = func(s site) ([]string, bool) {
		all, ok := parse(s)
		seen := map[string]bool{}
		for i, secret := range all {
			if ok && seen[secret] {
				s.item(i).wrong("the secret is in the list twice; keep one of them")
				return nil, false
			}
			seen[secret] = true
		}
		return all, ok
	}
	return items
}

var (
	longSecrets = secrets(func(s string) bool { return utf8.RuneCountInString(s) >= 16 }, "a text of at least 16 characters")
	cipherKeys  = secrets(func(s string) bool { return len(s) == 32 }, "a text of exactly 32 bytes")
)

// part is one possible entry of an object inside a list.
type part struct {
	name string
	read func(s site)
}

// parts reads an object with a closed set of entries; what is missing is reported too.
func (s site) parts(want string, required string, known ...part) bool {
	if s.value.kind != object {
		s.wrong("found %s, want a map with %s", s.value.found(), want)
		return false
	}
	before := len(s.l.problems.List)
	for _, f := range s.value.fields {
		s.part(f, want, known)
	}
	if s.value.child(required) == nil {
		s.wrong("has no %s; write a map with %s", required, want)
	}
	return len(s.l.problems.List) == before
}

func (s site) part(f field, want string, known []part) {
	for _, p := range known {
		if p.name == f.name {
			p.read(s.field(f))
			return
		}
	}
	s.value = &value{at: f.at}
	var names []string
	for _, p := range known {
		names = append(names, p.name)
	}
	if near := nearest(f.name, names); near != "" {
		s.wrong("unknown key %s; did you mean %s?", printable(f.name), near)
		return
	}
	s.wrong("unknown key %s; want %s", printable(f.name), want)
}

// schema is one entry of identity.schemas.
var schema = kind[Schema]{name: "a map with id, url and selfservice_selectable", parse: func(s site) (Schema, bool) {
	var read Schema
	ok := s.parts("id, url and selfservice_selectable", "id",
		part{"id", func(s site) { read.ID, _ = texts.parse(s) }},
		part{"url", func(s site) { read.URL, _ = schemaURL.parse(s) }},
		part{"selfservice_selectable", func(s site) { read.SelfServiceSelectable, _ = boolean.parse(s) }})
	if ok && read.URL == "" {
		s.wrong("has no url; write where the schema is read from, such as file:///etc/exeunt/schema.json")
		return read, false
	}
	return read, ok
}}

// schemas is the list of identity schemas; their ids differ.
var schemas = kind[[]Schema]{name: listOf(schema).name, many: true, parse: func(s site) ([]Schema, bool) {
	all, ok := listOf(schema).parse(s)
	seen := map[string]bool{}
	for i, one := range all {
		if one.ID != "" && seen[one.ID] {
			s.item(i).wrong("the id %s is already taken; give each schema its own", quoted(one.ID))
			ok = false
		}
		seen[one.ID] = true
	}
	return all, ok
}}

// kratosHooks are the hooks that a Kratos file may name.
var kratosHooks = []string{"b2b_sso", "notify_previous_addresses", "require_verified_address", "revoke_active_sessions",
	"session", "show_verification_ui", "verification", "verify_new_address", "web_hook", "two_step_registration", "code_address_verifier"}

// hooks is a list of {hook: name} of which this server runs one; "" means none.
func hooks(runs string) kind[[]string] {
	want := "a list of hooks"
	if runs != "" {
		want = "a list of {hook: " + runs + "}"
	}
	one := kind[string]{name: want, parse: func(s site) (string, bool) { return hook(s, runs) }}
	return kind[[]string]{name: want, many: true, parse: func(s site) ([]string, bool) {
		all, ok := listOf(one).parse(s)
		for i := 1; i < len(all) && ok; i++ {
			s.item(i).wrong("the hook %s is in the list twice; keep one of them", runs)
			ok = false
		}
		return all, ok
	}}
}

// hook reads one entry: the name first, for a refused hook's other entries do not matter.
func hook(s site, runs string) (string, bool) {
	name := ""
	if v := s.value.child("hook"); v != nil && v.kind == scalar {
		name = v.text
	}
	for _, known := range kratosHooks {
		if name == known && name != runs {
			s.wrong("exeunt does not run the hook %s here; %s", name, insteadOf(runs))
			return "", false
		}
	}
	ok := s.parts("hook", "hook", part{"hook", func(s site) {
		text, ok := texts.parse(s)
		if ok && text != runs {
			near := nearest(text, kratosHooks)
			if near == runs && runs != "" {
				s.wrong("%s is not a hook; did you mean %s?", quoted(text), runs)
				return
			}
			s.wrong("%s is not a hook; %s", quoted(text), insteadOf(runs))
		}
	}})
	return runs, ok
}

func insteadOf(runs string) string {
	return strings.TrimSuffix("remove it, or write "+runs, ", or write ")
}
