package identity

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Derived is what a schema makes of traits: the identifiers of each credential type, and the addresses.
type Derived struct {
	Identifiers map[CredentialType][]string
	Verifiable  []Place
	Recovery    []Place
	AccountName string // how authenticator apps call the person; "" when no trait says
}

// Place is an address that a trait names, before it has an id and a status.
type Place struct{ Value, Via string }

// Derive validates traits and reads the identifiers and addresses from them. The error is *TraitErrors.
func (s *Schema) Derive(traits []byte) (*Derived, error) {
	v, err := s.validate(traits)
	if err != nil {
		return nil, err
	}
	w := &walker{derived: &Derived{Identifiers: map[CredentialType][]string{}}}
	w.walk(s.compiled, v, "", 0)
	if len(w.errs) > 0 {
		return nil, &TraitErrors{All: w.errs}
	}
	return w.derived, nil
}

// walker follows a validated document and its schema side by side.
type walker struct {
	derived *Derived
	errs    []TraitError
}

// maxDepth ends the walk of a schema that refers to itself.
const maxDepth = 64

func (w *walker) walk(s *jsonschema.Schema, v any, path string, depth int) {
	if s == nil || depth > maxDepth {
		return
	}
	if k := keywordOf(s); k != nil {
		w.collect(k, v, path)
	}
	for _, sub := range applicable(s, v) {
		w.walk(sub, v, path, depth+1)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sortedKeys(v) {
			for _, sub := range propertySchemas(s, name) {
				w.walk(sub, v[name], join(path, name), depth+1)
			}
		}
	case []any:
		for i, child := range v {
			w.walk(itemSchema(s, i), child, path, depth+1)
		}
	}
}

// applicable lists the schemas that hold for the same value: references, all of allOf, and what matches of the rest.
func applicable(s *jsonschema.Schema, v any) []*jsonschema.Schema {
	subs := slices.Clone(s.AllOf)
	if s.Ref != nil {
		subs = append(subs, s.Ref)
	}
	if s.If != nil {
		branch := s.Else
		if s.If.Validate(v) == nil {
			branch = s.Then
		}
		if branch != nil {
			subs = append(subs, branch)
		}
	}
	for _, alt := range slices.Concat(s.AnyOf, s.OneOf) {
		if alt.Validate(v) == nil {
			subs = append(subs, alt)
		}
	}
	return subs
}

// propertySchemas lists the schemas that hold for a property: its own, those whose pattern its name matches, or else the
// one for all the rest.
func propertySchemas(s *jsonschema.Schema, name string) (subs []*jsonschema.Schema) {
	if own, ok := s.Properties[name]; ok {
		subs = append(subs, own)
	}
	for pattern, sub := range s.PatternProperties {
		if pattern.MatchString(name) {
			subs = append(subs, sub)
		}
	}
	if rest, ok := s.AdditionalProperties.(*jsonschema.Schema); ok && len(subs) == 0 {
		subs = append(subs, rest)
	}
	return subs
}

func itemSchema(s *jsonschema.Schema, i int) *jsonschema.Schema {
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		return items
	case []*jsonschema.Schema:
		if i < len(items) {
			return items[i]
		}
	}
	return s.Items2020
}

// maxIdentifier is how long an identifier may be, in bytes: stores index it.
const maxIdentifier = 512

func (w *walker) collect(k *keyword, v any, path string) {
	text, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		text, ok = n.String(), true
	}
	if !ok {
		return
	}
	c := k.Credentials
	if folded := FoldIdentifier(text); c.Password.Identifier || c.WebAuthn.Identifier {
		if len(folded) > maxIdentifier {
			w.errs = append(w.errs, TraitError{Path: path, Kind: MaxLength, Text: fmt.Sprintf("is longer than %d bytes", maxIdentifier),
				Context: map[string]any{"max_length": maxIdentifier, "actual_length": len(folded)}})
			return
		}
		if c.Password.Identifier {
			w.identifier(Password, folded)
		}
		if c.WebAuthn.Identifier {
			w.identifier(WebAuthn, folded)
		}
	}
	if c.Code.Identifier {
		if p, ok := w.place(text, c.Code.Via, path); ok {
			w.identifier(Code, p.Value)
		}
	}
	if k.Credentials.TOTP.AccountName {
		w.derived.AccountName = text
	}
	if k.Verification.Via != "" {
		if p, ok := w.place(text, k.Verification.Via, path); ok && !slices.Contains(w.derived.Verifiable, p) {
			w.derived.Verifiable = append(w.derived.Verifiable, p)
		}
	}
	if k.Recovery.Via != "" {
		if p, ok := w.place(text, k.Recovery.Via, path); ok && !slices.Contains(w.derived.Recovery, p) {
			w.derived.Recovery = append(w.derived.Recovery, p)
		}
	}
}

func (w *walker) identifier(t CredentialType, value string) {
	if value != "" && !slices.Contains(w.derived.Identifiers[t], value) {
		w.derived.Identifiers[t] = append(w.derived.Identifiers[t], value)
	}
}

func (w *walker) place(text, via, path string) (Place, bool) {
	parse, kind := parseEmail, FormatEmail
	if via == "sms" {
		parse, kind = parsePhone, FormatTel
	} else {
		via = "email"
	}
	value, err := parse(text)
	if err != nil {
		w.errs = append(w.errs, TraitError{Path: path, Kind: kind, Text: "the value " + err.Error(), Context: map[string]any{"value": shown(text)}})
		return Place{}, false
	}
	return Place{Value: value, Via: via}, true
}
