package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Field is a trait as a form shows it.
type Field struct {
	Name       string // dotted, starts with traits
	Type       string // JSON type: string, number, integer, boolean or array
	Format     string
	Title      string
	Pattern    string
	Required   bool
	Identifier bool // a password identifier
	Options    []any
}

// fieldsOf lists the leaves below the traits schema in the order in which the document names them.
func fieldsOf(raw []byte, traits *jsonschema.Schema) ([]Field, error) {
	order, err := propertyOrder(raw)
	if err != nil {
		return nil, err
	}
	return appendFields(nil, traits, "traits", order, 0), nil
}

func appendFields(all []Field, s *jsonschema.Schema, path string, order map[string][]string, depth int) []Field {
	for hops := 0; s.Ref != nil && len(s.Properties) == 0 && hops < maxDepth; hops++ {
		s = s.Ref
	}
	names := sortedKeys(s.Properties)
	rank := order[s.Location[fragmentStart(s.Location):]]
	slices.SortStableFunc(names, func(a, b string) int { return slices.Index(rank, a) - slices.Index(rank, b) })
	for _, name := range names {
		p := s.Properties[name]
		if isObject(p) {
			if depth < maxDepth {
				all = appendFields(all, p, path+"."+name, order, depth+1)
			}
			continue
		}
		all = append(all, field(p, path+"."+name, slices.Contains(s.Required, name)))
	}
	return all
}

func fragmentStart(location string) int {
	return bytes.IndexByte([]byte(location), '#') + 1
}

// isObject follows references, but not for ever: they may lead back to where they come from.
func isObject(s *jsonschema.Schema) bool {
	for hops := 0; s != nil && hops < maxDepth; s, hops = s.Ref, hops+1 {
		if slices.Contains(types(s), "object") {
			return true
		}
	}
	return false
}

func types(s *jsonschema.Schema) []string {
	if s.Types == nil {
		return nil
	}
	return s.Types.ToStrings()
}

func field(s *jsonschema.Schema, name string, required bool) Field {
	f := Field{Name: name, Type: "string", Title: s.Title, Required: required}
	if t := types(s); len(t) > 0 {
		f.Type = t[0]
	}
	if s.Format != nil {
		f.Format = s.Format.Name
	}
	if s.Pattern != nil {
		f.Pattern = s.Pattern.String()
	}
	if s.Enum != nil {
		f.Options = s.Enum.Values
	}
	if k := keywordOf(s); k != nil {
		f.Identifier = k.Credentials.Password.Identifier
	}
	return f
}

// propertyOrder reads, for every "properties" object of the document, the order of its names by the JSON pointer of the
// schema it stands in. Decoding into maps would lose it, and a form that changes its order is a poor one.
func propertyOrder(raw []byte) (map[string][]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	order := map[string][]string{}
	if err := readOrder(d, "", "", order); err != nil {
		return nil, fmt.Errorf("reading the property order: %w", err)
	}
	return order, nil
}

func readOrder(d *json.Decoder, pointer, parent string, order map[string][]string) error {
	tok, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	for i := 0; d.More(); i++ {
		name := fmt.Sprint(i)
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name = key.(string)
			if parent == "properties" {
				owner := pointer[:len(pointer)-len("/properties")]
				order[owner] = append(order[owner], name)
			}
		}
		if err := readOrder(d, pointer+"/"+name, name, order); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
