package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Stored is what was set in the store: the JSON of values by the path of their key.
type Stored map[string]json.RawMessage

// ParseStored reads the document that the store keeps; see [Stored.Document].
func ParseStored(document string) (s Stored, err error) {
	return s, json.Unmarshal([]byte(document), &s)
}

// Document is the settings as the store keeps them.
func (s Stored) Document() string {
	if len(s) == 0 {
		return "{}"
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic("settings that were JSON are none any more: " + err.Error())
	}
	return string(b)
}

// setting is a key that the store may hold.
type setting struct {
	path string
	now  func(*Config) any
}

// settings are all of them.
var settings = []setting{
	{"selfservice.default_browser_return_url", func(c *Config) any { return orNull(c.SelfService.DefaultBrowserReturnURL) }},
	{"selfservice.allowed_return_urls", func(c *Config) any { return append([]string{}, c.SelfService.AllowedReturnURLs...) }},
	{"selfservice.flows.logout.after.default_browser_return_url", func(c *Config) any { return orNull(c.SelfService.Logout.After) }},
	{"session.lifespan", func(c *Config) any { return span(c.Session.Lifespan) }},
	{"session.max_lifespan", func(c *Config) any { return span(c.Session.MaxLifespan) }},
	{"session.idle_timeout", func(c *Config) any { return span(c.Session.IdleTimeout) }},
	{"session.limit.max", func(c *Config) any { return c.Session.Limit.Max }},
	{"session.limit.policy", func(c *Config) any { return c.Session.Limit.Policy }},
}

// StoredKeys are the paths of the keys that the store may hold.
func StoredKeys() []string {
	paths := make([]string, len(settings))
	for i, s := range settings {
		paths[i] = s.path
	}
	return paths
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// span writes a duration without parts that are nothing: 24h, and not 24h0m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Values is what is in force of all that the store may hold, by path.
func (c *Config) Values() map[string]any {
	values := map[string]any{}
	for _, s := range settings {
		values[s.path] = s.now(c)
	}
	return values
}

// JSON is a value as JSON.
func JSON(v any) string { return string(encoded(v)) }

// Nested is values by path as a file would hold them.
func Nested[T any](values map[string]T) map[string]any {
	root := map[string]any{}
	for path, v := range values {
		at, names := root, strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[names[len(names)-1]] = v
	}
	return root
}

// Patched is the settings after a JSON merge patch (RFC 7396): null takes a setting back, and what a file says holds
// again. An error is a [*Problems] with every key that cannot be set here.
func (s Stored) Patched(patch map[string]any) (Stored, error) {
	next := Stored{}
	maps.Copy(next, s)
	var problems Problems
	next.apply(patch, "", &problems)
	if len(problems.List) > 0 {
		problems.sort()
		return nil, &problems
	}
	return next, nil
}

func (s Stored) apply(patch map[string]any, under string, problems *Problems) {
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		path, v := joined(under, name), patch[name]
		below := func(known string) bool { return strings.HasPrefix(known, path+".") }
		section, isSection := v.(map[string]any)
		known := !strings.Contains(name, ".") && slices.Contains(StoredKeys(), path)
		switch {
		case known && v == nil:
			delete(s, path)
		case known:
			s[path] = encoded(v)
		case !slices.ContainsFunc(StoredKeys(), below) || strings.Contains(name, "."):
			problems.add(Problem{Path: path, Text: printable(path) + ": cannot be set here; write one of " + strings.Join(StoredKeys(), ", ")})
		case v == nil:
			maps.DeleteFunc(s, func(known string, _ json.RawMessage) bool { return below(known) })
		case !isSection:
			problems.add(Problem{Path: path, Text: printable(path) + ": is no value but a section; write an object"})
		default:
			s.apply(section, path, problems)
		}
	}
}

func encoded(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("what was JSON is none any more: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

// settingPlace begins the place of a value that the store holds.
const settingPlace = "the setting "

func (v *value) fromStore() bool { return strings.HasPrefix(v.at.file, settingPlace) }

// Without is the settings but for some keys.
func (s Stored) Without(paths []string) Stored {
	rest := maps.Clone(s)
	for _, path := range paths {
		delete(rest, path)
	}
	return rest
}

// stored is the settings as a part of a configuration. A key that this program does not know as a setting is somebody
// else's: a newer program may know it.
func (l *loader) stored(s Stored) *value {
	tree := &value{kind: object}
	for _, path := range StoredKeys() {
		raw, ok := s[path]
		if !ok {
			continue
		}
		if v := l.fromJSON(place{file: settingPlace + path}, string(raw)); v != nil {
			tree.put(strings.Split(path, "."), v)
		}
	}
	return tree
}
