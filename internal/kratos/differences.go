package kratos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Answer is what a server has answered.
type Answer struct {
	Status int
	Body   []byte
}

// Difference is something in which two answers are not alike, and which of the deliberate differences it is, if it is one.
type Difference struct {
	Path   string `json:"path"`
	Kratos string `json:"kratos"`
	Exeunt string `json:"exeunt"`
	Known  string `json:"known,omitempty"`
}

// Known are the deliberate differences, by name; docs/compatibility.md has the reasons.
var Known = map[string]string{
	"error-texts":    "errors are worded differently, and some have an id or details here alone",
	"last-seen":      "sessions say when they were last seen",
	"device-address": "addresses of devices have no port",
	"time-precision": "times have microseconds",
	"method-details": "methods of a session do not name a provider",
	"absent-null":    "a value that is not there may be null, empty or absent",
	"base-url":       "addresses begin with the base URL of each server",
	"state-changed":  "when the state has changed is always there",
	"tokenized":      "each token is a new one",
	"keys":           "public keys are published here alone",
}

// Compare finds how two answers to the same request differ. Texts of values that may be secret are not in what it returns.
func Compare(path string, there, here Answer) (all []Difference) {
	c := &comparison{}
	if there.Status != here.Status {
		known := ""
		if path == "/.well-known/jwks.json" && there.Status == 404 {
			known = "keys"
		}
		c.add("status", there.Status, here.Status, known)
		return c.all
	}
	a, okA := decode(there.Body)
	b, okB := decode(here.Body)
	switch {
	case okA && okB:
		c.compare("", a, b)
	case okA != okB:
		c.add("body", described(okA), described(okB), "")
	case !bytes.Equal(there.Body, here.Body):
		c.add("body", "another text", "another text", "")
	}
	return c.all
}

func described(isJSON bool) string {
	if isJSON {
		return "JSON"
	}
	return "no JSON"
}

func decode(body []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return v, d.Decode(&v) == nil && !d.More()
}

type comparison struct{ all []Difference }

func (c *comparison) add(path string, there, here any, known string) {
	if known == "" {
		known = knownAt(path, there, here)
	}
	c.all = append(c.all, Difference{strings.TrimPrefix(path, "."), shown(there), shown(here), known})
}

func (c *comparison) compare(path string, there, here any) {
	switch a := there.(type) {
	case map[string]any:
		if b, ok := here.(map[string]any); ok {
			c.objects(path, a, b)
			return
		}
	case []any:
		if b, ok := here.([]any); ok {
			c.lists(path, a, b)
			return
		}
	}
	if fmt.Sprint(there) != fmt.Sprint(here) || (there == nil) != (here == nil) {
		c.add(path, there, here, "")
	}
}

func (c *comparison) objects(path string, a, b map[string]any) {
	var names []string
	for _, m := range []map[string]any{a, b} {
		for name := range m {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.compare(path+"."+name, a[name], b[name])
	}
}

// lists compares elements with an id by that, and all others by their places.
func (c *comparison) lists(path string, a, b []any) {
	if ids, ok := byID(a); ok {
		if others, ok := byID(b); ok {
			c.objects(path, ids, others)
			return
		}
	}
	for i := range max(len(a), len(b)) {
		var x, y any
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		c.compare(fmt.Sprintf("%s.%d", path, i), x, y)
	}
}

func byID(list []any) (map[string]any, bool) {
	all := map[string]any{}
	for _, v := range list {
		m, _ := v.(map[string]any)
		id, ok := m["id"].(string)
		if !ok || all[id] != nil {
			return nil, false
		}
		all[id] = v
	}
	return all, true
}

// knownAt names the deliberate difference that there is at a path, or nothing.
func knownAt(path string, there, here any) string {
	last := path[strings.LastIndex(path, ".")+1:]
	switch {
	case path == ".error.id" && there != nil, path == ".error.code":
	case strings.HasPrefix(path, ".error.") || path == ".redirect_browser_to":
		return "error-texts"
	case last == "last_seen_at" && there == nil:
		return "last-seen"
	case last == "state_changed_at" && there == nil:
		return "state-changed"
	case last == "tokenized":
		return "tokenized"
	case strings.HasPrefix(path, ".authentication_methods.") && here == nil && slices.Contains([]string{"provider", "organization", "upstream_acr", "upstream_amr"}, last):
		return "method-details"
	case blank(there) && blank(here):
		return "absent-null"
	}
	a, okA := there.(string)
	b, okB := here.(string)
	switch {
	case !okA || !okB:
	case last == "ip_address" && portless(a) == b:
		return "device-address"
	case last == "schema_url" && (a == "" || pathOf(a) == pathOf(b)):
		return "base-url"
	case sameTime(a, b):
		return "time-precision"
	}
	return ""
}

func blank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

func portless(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// pathOf is what follows the base URL of a schema's address.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Path[max(strings.LastIndex(u.Path, "/schemas/"), 0):]
}

func sameTime(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	return err == nil && err2 == nil && x.Sub(y).Abs() <= time.Microsecond
}

// Tokens and all that looks like one: of sessions, of logouts, signed ones, and sealed cookies.
var tokens = regexp.MustCompile(`ory_(st|sc|lo|at|rt|ac)_[A-Za-z0-9_-]+|eyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)*|[A-Za-z0-9+/_=-]{40,}`)

// Masked hides what may be a token in a text.
func Masked(text string) string { return tokens.ReplaceAllString(text, "[secret]") }

// shown writes a value in a line: whole objects by their kind, as they may hold anything.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "an object"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	}
	text := Masked(fmt.Sprint(v))
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
