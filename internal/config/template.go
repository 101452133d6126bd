package config

import (
	"regexp"
	"time"
)

// template is how a session becomes a token.
var template = kind[Template]{parse: func(s site) (Template, bool) {
	read := Template{TTL: time.Minute, Subject: "id"}
	ok := s.parts("jwks_url, claims_mapper_url, ttl and subject_source", "jwks_url",
		part{"jwks_url", func(s site) { read.KeysURL, _ = keysURL.parse(s) }},
		part{"claims_mapper_url", func(s site) { read.MapperURL, _ = mapperURL.parse(s) }},
		part{"ttl", func(s site) { read.TTL, _ = duration("m", time.Second).parse(s) }},
		part{"subject_source", func(s site) { read.Subject, _ = subject.parse(s) }})
	return read, ok
}}

var (
	subject      = oneOf([]string{"id", "external_id"}, nil)
	templateName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)
)

// templates are templates by name. A map without entries is none.
var templates = kind[map[string]Template]{name: "a map of names, each to a map with jwks_url, claims_mapper_url, ttl and subject_source", parse: func(s site) (map[string]Template, bool) {
	if s.value.kind != object && s.value.kind != null {
		s.wrong("found %s, want a map of names to templates", s.value.found())
		return nil, false
	}
	var all map[string]Template
	sound := true
	for _, f := range s.value.fields {
		if !templateName.MatchString(f.name) {
			at := s
			at.value = &value{at: f.at}
			at.wrong("%s is not a name for a template; write letters, digits, ., - and _", quoted(f.name))
			sound = false
			continue
		}
		one, ok := template.parse(s.field(f))
		if all == nil {
			all = map[string]Template{}
		}
		all[f.name], sound = one, sound && ok
	}
	return all, sound
}}

// templatesReader also takes no value, and JSON from the environment.
var templatesReader = func() reader {
	r := into(templates, func(c *Config) *map[string]Template { return &c.Session.Templates })
	r.free = true
	return r
}()
