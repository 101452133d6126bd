package identity

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"exeunt/internal/fault"
)

// TraitErrorKind says which rule of the schema a trait breaks.
type TraitErrorKind string

// The rules that clients can tell apart; everything else is Generic.
const (
	Generic      TraitErrorKind = ""
	Required     TraitErrorKind = "required"
	FormatEmail  TraitErrorKind = "email"
	FormatTel    TraitErrorKind = "tel"
	MinLength    TraitErrorKind = "minLength"
	MaxLength    TraitErrorKind = "maxLength"
	Pattern      TraitErrorKind = "pattern"
	Minimum      TraitErrorKind = "minimum"
	Maximum      TraitErrorKind = "maximum"
	ExclusiveMin TraitErrorKind = "exclusiveMinimum"
	ExclusiveMax TraitErrorKind = "exclusiveMaximum"
	MultipleOf   TraitErrorKind = "multipleOf"
	MinItems     TraitErrorKind = "minItems"
	MaxItems     TraitErrorKind = "maxItems"
	UniqueItems  TraitErrorKind = "uniqueItems"
	WrongType    TraitErrorKind = "type"
	ConstValue   TraitErrorKind = "const"
)

// TraitError is one broken rule. Path is dotted and starts with traits; Context holds the values of the rule.
type TraitError struct {
	Path    string
	Kind    TraitErrorKind
	Text    string
	Context map[string]any
}

// TraitErrors are all the rules that traits break. It unwraps to ErrBadTraits with all of them as the reason.
type TraitErrors struct{ All []TraitError }

// Error lists the broken rules.
func (e *TraitErrors) Error() string { return ErrBadTraits.ID + ": " + e.reason() }

// brief keeps what comes from a request short: it is answered, and kept with the form.
func brief(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

const (
	maxText   = 400  // bytes that are told of one broken rule
	maxReason = 2000 // bytes that are told of all of them
	maxErrors = 50   // broken rules that are told
)

func (e *TraitErrors) reason() string {
	lines := make([]string, len(e.All))
	for i, t := range e.All {
		lines[i] = t.Path + ": " + t.Text
	}
	return brief(strings.Join(lines, "; "), maxReason)
}

// Unwrap makes the failure one that callers may see.
func (e *TraitErrors) Unwrap() error { return ErrBadTraits.Saying("%s", e.reason()) }

var _ error = (*TraitErrors)(nil)

var english = message.NewPrinter(language.English)

// validate checks {"traits": traits} against the schema and returns that document decoded.
func (s *Schema) validate(traits []byte) (any, error) {
	if len(bytes.TrimSpace(traits)) == 0 || string(bytes.TrimSpace(traits)) == "null" {
		traits = []byte("{}")
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(traits))
	if err != nil {
		return nil, &TraitErrors{All: []TraitError{{Path: "traits", Text: "is not valid JSON"}}}
	}
	doc := map[string]any{"traits": v}
	if path, text := new(measure).excess(v); text != "" {
		slices.Reverse(path)
		return nil, &TraitErrors{All: []TraitError{{Path: at(append([]string{"traits"}, path...)), Text: text}}}
	}
	if err := s.compiled.Validate(doc); err != nil {
		var invalid *jsonschema.ValidationError
		if !errors.As(err, &invalid) {
			return nil, fault.ErrInternal.Because(err)
		}
		return nil, &TraitErrors{All: leaves(invalid)}
	}
	return doc, nil
}

// leaves flattens the tree of a failed validation into its innermost errors, in a stable order. Nobody reads more than the
// first few.
func leaves(e *jsonschema.ValidationError) (all []TraitError) {
	collect(e, &all)
	slices.SortStableFunc(all, func(a, b TraitError) int { return strings.Compare(a.Path, b.Path) })
	return all[:min(len(all), maxErrors)]
}

func collect(e *jsonschema.ValidationError, all *[]TraitError) {
	if len(e.Causes) == 0 {
		*all = append(*all, traitErrors(e)...)
	}
	for _, c := range e.Causes {
		if len(*all) >= maxErrors {
			return
		}
		collect(c, all)
	}
}

// at is where a value is. Names come from the client, and may be of any length.
func at(path []string) string { return brief(strings.Join(path, "."), maxText) }

func traitErrors(e *jsonschema.ValidationError) []TraitError {
	path := at(e.InstanceLocation)
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		var all []TraitError
		for _, name := range missing.Missing {
			all = append(all, TraitError{Path: join(path, name), Kind: Required, Text: "is missing", Context: map[string]any{"property": name}})
		}
		return all
	}
	k, ctx := rule(e.ErrorKind)
	return []TraitError{{Path: path, Kind: k, Text: brief(e.ErrorKind.LocalizedString(english), maxText), Context: ctx}}
}

func rule(k jsonschema.ErrorKind) (TraitErrorKind, map[string]any) {
	switch k := k.(type) {
	case *kind.Format:
		return formatRule(k)
	case *kind.MinLength:
		return MinLength, map[string]any{"min_length": k.Want, "actual_length": k.Got}
	case *kind.MaxLength:
		return MaxLength, map[string]any{"max_length": k.Want, "actual_length": k.Got}
	case *kind.Pattern:
		return Pattern, map[string]any{"pattern": k.Want}
	case *kind.Minimum:
		return Minimum, map[string]any{"minimum": number(k.Want), "actual": number(k.Got)}
	case *kind.Maximum:
		return Maximum, map[string]any{"maximum": number(k.Want), "actual": number(k.Got)}
	case *kind.ExclusiveMinimum:
		return ExclusiveMin, map[string]any{"minimum": number(k.Want), "actual": number(k.Got)}
	case *kind.ExclusiveMaximum:
		return ExclusiveMax, map[string]any{"maximum": number(k.Want), "actual": number(k.Got)}
	case *kind.MultipleOf:
		return MultipleOf, map[string]any{"base": number(k.Want), "actual": number(k.Got)}
	case *kind.MinItems:
		return MinItems, map[string]any{"min_items": k.Want, "actual_items": k.Got}
	case *kind.MaxItems:
		return MaxItems, map[string]any{"max_items": k.Want, "actual_items": k.Got}
	case *kind.UniqueItems:
		return UniqueItems, map[string]any{"index_a": k.Duplicates[0], "index_b": k.Duplicates[1]}
	case *kind.Type:
		return WrongType, map[string]any{"allowed_types": k.Want, "actual_type": k.Got}
	case *kind.Const:
		return ConstValue, map[string]any{"expected": k.Want}
	}
	return Generic, nil
}

func formatRule(k *kind.Format) (TraitErrorKind, map[string]any) {
	switch k.Want {
	case "email":
		return FormatEmail, map[string]any{"value": shown(k.Got)}
	case "tel":
		return FormatTel, map[string]any{"value": shown(k.Got)}
	}
	return Generic, nil
}

func shown(v any) any {
	if s, ok := v.(string); ok {
		return brief(s, maxText)
	}
	return v
}

// number shows a number of a rule. One that no client can read is described.
func number(r *big.Rat) any {
	if r.IsInt() && r.Num().IsInt64() {
		return r.Num().Int64()
	}
	f, _ := r.Float64()
	if math.IsInf(f, 0) {
		return "out of range"
	}
	return f
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
