package flow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Input is a submission: the posted values, and who posted them.
type Input struct {
	Values  map[string]any   // decoded JSON, or strings from a form; names may be dotted
	Form    bool             // the values come from a form, which sends "" for what was left empty
	Current *session.Session // the caller's session, or nil
	Device  session.Device
	Carrier session.Carrier // how the caller's token travels
	Token   session.Secret  // the caller's token

	// Known names the browser of the submission if the identity has shown all its factors in it, and they are the same
	// today; else "". It may be nil.
	Known func(*identity.Identity) string
}

// Text returns a value as text. Numbers and booleans are taken literally; anything else is "".
func (in Input) Text(name string) string {
	switch v := in.Values[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Identifier is the folded identifier of a sign-in, under its present name or that of older clients.
func (in Input) Identifier() string {
	name := in.Text("identifier")
	if name == "" {
		name = in.Text("password_identifier")
	}
	return identity.FoldIdentifier(name)
}

// Traits assembles the traits from a nested object and dotted names, converting form texts as the schema says.
func (in Input) Traits(s *identity.Schema) (map[string]any, error) {
	traits := map[string]any{}
	if v, ok := in.Values["traits"]; ok && v != nil {
		if traits, ok = cloneTree(v).(map[string]any); !ok {
			return nil, &identity.TraitErrors{All: []identity.TraitError{{Path: "traits", Text: "traits have to be an object"}}}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		if path, ok := strings.CutPrefix(name, "traits."); ok && !in.leftEmpty(s, name) {
			if err := place(traits, strings.SplitN(path, ".", maxPath+1), cloneTree(in.Values[name])); err != nil {
				return nil, &identity.TraitErrors{All: []identity.TraitError{{Path: "traits", Text: err.Error()}}}
			}
		}
	}
	convert(traits, s.Fields)
	return traits, nil
}

// leftEmpty reports whether a form sends nothing for an input that may be left empty.
func (in Input) leftEmpty(s *identity.Schema, name string) bool {
	i := slices.IndexFunc(s.Fields, func(f identity.Field) bool { return f.Name == name })
	return in.Form && in.Values[name] == "" && i >= 0 && !s.Fields[i].Required
}

func cloneTree(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = cloneTree(v)
	}
	return c
}

// maxPath bounds the names in a dotted path, as deep nesting is bounded in JSON.
const maxPath = 32

// place puts a value at a path, making the objects on the way. What is there already was given under another name: which of
// the two is meant, nobody can say.
func place(tree map[string]any, path []string, v any) error {
	if len(path) > maxPath {
		return fmt.Errorf("a name has more than %d parts", maxPath)
	}
	for ; len(path) > 1; path = path[1:] {
		next, ok := tree[path[0]].(map[string]any)
		if !ok {
			if _, taken := tree[path[0]]; taken {
				return fmt.Errorf("%s is given both as a value and as an object", path[0])
			}
			next = map[string]any{}
			tree[path[0]] = next
		}
		tree = next
	}
	if _, taken := tree[path[0]]; taken {
		return fmt.Errorf("%s is given twice", path[0])
	}
	tree[path[0]] = v
	return nil
}

// convert gives texts the type that their field has: a form knows texts alone.
func convert(traits map[string]any, fields []identity.Field) {
	for _, f := range fields {
		path := strings.Split(strings.TrimPrefix(f.Name, "traits."), ".")
		tree := traits
		for ; tree != nil && len(path) > 1; path = path[1:] {
			tree, _ = tree[path[0]].(map[string]any)
		}
		text, ok := tree[path[0]].(string)
		if !ok {
			continue
		}
		switch f.Type {
		case "boolean":
			if b, err := strconv.ParseBool(text); err == nil {
				tree[path[0]] = b
			}
		case "string":
			if f.Format == "date-time" && len(text) == len("2006-01-02T15:04") {
				tree[path[0]] = text + ":00Z" // inputs know neither seconds nor zones
			}
		case "number", "integer":
			if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
				tree[path[0]] = json.Number(text)
			}
		}
	}
}

// flatten lists the leaves of traits by their dotted names, to be shown again.
func flatten(prefix string, v any, into map[string]any) {
	m, ok := v.(map[string]any)
	if !ok {
		into[prefix] = v
		return
	}
	for k, v := range m {
		flatten(prefix+"."+k, v, into)
	}
}

// ReadTraits assembles the traits of a submission and validates them. The error is *identity.TraitErrors.
func ReadTraits(s *identity.Schema, in Input) ([]byte, *identity.Derived, error) {
	tree, err := in.Traits(s)
	if err != nil {
		return nil, nil, err
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		return nil, nil, err
	}
	derived, err := s.Derive(raw)
	return raw, derived, err
}
