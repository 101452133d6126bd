package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is a compiled traits schema. It is immutable and safe for concurrent use.
type Schema struct {
	ID         string
	Raw        json.RawMessage // as configured, byte for byte
	Selectable bool            // may be chosen by a client in a self-service flow
	Fields     []Field         // the traits a form shows, in the order of the schema

	compiled *jsonschema.Schema
}

// CompileSchema reads a JSON Schema whose "traits" property describes an identity's traits, with the "ory.sh/kratos"
// keywords that mark identifiers and addresses. References to other documents are refused: a schema is self-contained.
func CompileSchema(id string, raw []byte) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("schema %s is not JSON: %w", id, err)
	}
	const url = "mem:///schema.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.AssertVocabs()
	c.RegisterFormat(emailFormat)
	c.RegisterFormat(telFormat)
	c.RegisterFormat(&jsonschema.Format{Name: "no-validate", Validate: func(any) error { return nil }})
	c.RegisterVocabulary(vocabulary)
	c.UseLoader(noLoader{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("schema %s: %w", id, err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", id, err)
	}
	return newSchema(id, raw, compiled)
}

func newSchema(id string, raw []byte, compiled *jsonschema.Schema) (*Schema, error) {
	traits := compiled.Properties["traits"]
	if traits == nil || (len(traits.Properties) == 0 && traits.Ref == nil) {
		return nil, fmt.Errorf("schema %s: the root must be an object with properties.traits, and traits an object with at least one property", id)
	}
	fields, err := fieldsOf(raw, traits)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", id, err)
	}
	return &Schema{ID: id, Raw: raw, Fields: fields, compiled: compiled}, nil
}

// noLoader refuses references to other documents: fetching them would let a schema read files and call hosts.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("references to other documents are not supported")
}

// IdentifierTitle returns the title of the only identifier trait and its dotted name, or false when there are several.
func (s *Schema) IdentifierTitle() (name, title string, ok bool) {
	for _, f := range s.Fields {
		if !f.Identifier {
			continue
		}
		if ok {
			return "", "", false
		}
		name, title, ok = f.Name, f.Title, true
	}
	return name, title, ok && title != ""
}

// Schemas are the configured schemas. It is immutable and safe for concurrent use.
type Schemas struct {
	all       []*Schema
	defaultID string
}

// NewSchemas collects schemas; defaultID names the one used when a request names none, and must be among them.
func NewSchemas(defaultID string, all ...*Schema) (*Schemas, error) {
	s := &Schemas{all: all, defaultID: defaultID}
	d, err := s.Find(defaultID)
	if err != nil {
		return nil, fmt.Errorf("identity.default_schema_id %q is not among identity.schemas", defaultID)
	}
	d.Selectable = true
	return s, nil
}

// All returns the schemas in configured order.
func (s *Schemas) All() []*Schema { return s.all }

// Find returns the schema with this id, the default one for "", or ErrNoSchema.
func (s *Schemas) Find(id string) (*Schema, error) {
	if id == "" {
		id = s.defaultID
	}
	i := slices.IndexFunc(s.all, func(x *Schema) bool { return x.ID == id })
	if i < 0 {
		return nil, ErrNoSchema.Saying("There is no identity schema with the id %q.", brief(id, 80))
	}
	return s.all[i], nil
}
