package flow

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"exeunt/internal/identity"
)

const personSchema = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object","properties":{
"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
"age":{"type":"integer","minimum":0,"maximum":200},"weight":{"type":"number"},"news":{"type":"boolean"},
"name":{"type":"object","properties":{"first":{"type":"string"},"last":{"type":"string"}}}},"required":["email"],"additionalProperties":false}}}`

func schema(t testing.TB) *identity.Schema {
	t.Helper()
	s, err := identity.CompileSchema("person", []byte(personSchema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTraits(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		want   string
	}{
		"nested":                    {map[string]any{"traits": map[string]any{"email": "a@b.example", "name": map[string]any{"first": "A"}}}, `{"email":"a@b.example","name":{"first":"A"}}`},
		"dotted":                    {map[string]any{"traits.email": "a@b.example", "traits.name.first": "A"}, `{"email":"a@b.example","name":{"first":"A"}}`},
		"both":                      {map[string]any{"traits": map[string]any{"name": map[string]any{"first": "A"}}, "traits.name.last": "B", "traits.email": "a@b.example"}, `{"email":"a@b.example","name":{"first":"A","last":"B"}}`},
		"texts of a form":           {map[string]any{"traits.email": "a@b.example", "traits.age": "20", "traits.weight": "1.5", "traits.news": "true"}, `{"age":20,"email":"a@b.example","news":true,"weight":1.5}`},
		"large numbers stay as are": {map[string]any{"traits.email": "a@b.example", "traits.weight": json.Number("12345678901234567890.5")}, `{"email":"a@b.example","weight":12345678901234567890.5}`},
		"other values do not count": {map[string]any{"traits.email": "a@b.example", "password": "x", "traitsx": 1}, `{"email":"a@b.example"}`},
	} {
		got, derived, err := ReadTraits(schema(t), Input{Values: c.values})
		if err != nil || string(got) != c.want || derived.Identifiers[identity.Password][0] != "a@b.example" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for name, values := range map[string]map[string]any{
		"nothing": {}, "no object": {"traits": "x"}, "a list": {"traits": []any{}}, "value and object": {"traits.email": "a@b.example", "traits.email.x": 1},
		"two names": {"traits": map[string]any{"email": "a@b.example"}, "traits.email": "b@b.example"}, "two names, one value": {"traits": map[string]any{"email": "a@b.example"}, "traits.email": "a@b.example"},
		"two names, null": {"traits": map[string]any{"email": nil}, "traits.email": "a@b.example"}, "two objects": {"traits": map[string]any{"email": "a@b.example", "name": map[string]any{}}, "traits.name": map[string]any{"first": "A"}},
		"an object and a part of it": {"traits.email": "a@b.example", "traits.name": map[string]any{"first": "A"}, "traits.name.first": "B"},
		"words for a number":         {"traits.email": "a@b.example", "traits.age": "old"}, "out of range": {"traits.email": "a@b.example", "traits.age": "1e999999999"}, "hexadecimal": {"traits.email": "a@b.example", "traits.age": "0x10"},
		"too deep": {"traits" + strings.Repeat(".a", 1<<20): 1}, "dots alone": {"traits" + strings.Repeat(".", 1<<20): 1},
	} {
		var broken *identity.TraitErrors
		if _, _, err := ReadTraits(schema(t), Input{Values: values}); !errors.As(err, &broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTraitsDoNotChangeTheSubmission(t *testing.T) {
	for _, values := range []map[string]any{
		{"traits": map[string]any{"age": "20", "name": map[string]any{}}, "traits.name.first": "A"},
		{"traits.age": "20", "traits.name": map[string]any{}, "traits.name.first": "A"},
	} {
		for range 2 { // a submission may be judged anew
			if _, err := (Input{Values: values}).Traits(schema(t)); err != nil {
				t.Fatal(err)
			}
		}
		if name := values["traits.name"]; name != nil && !reflect.DeepEqual(name, map[string]any{}) {
			t.Errorf("%v", values)
		}
		if all := values["traits"]; all != nil && !reflect.DeepEqual(all, map[string]any{"age": "20", "name": map[string]any{}}) {
			t.Errorf("%v", values)
		}
	}
}

func TestText(t *testing.T) {
	in := Input{Values: map[string]any{"text": "x", "number": json.Number("7"), "bool": true, "null": nil, "list": []any{}, "object": map[string]any{}}}
	for name, want := range map[string]string{"text": "x", "number": "7", "bool": "true", "null": "", "list": "", "object": "", "missing": ""} {
		if got := in.Text(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAnswersThatAreKept(t *testing.T) {
	schemas, err := identity.NewSchemas("person", schema(t))
	if err != nil {
		t.Fatal(err)
	}
	e, f := &Engine{Schemas: schemas}, &Flow{}
	in := Input{Values: map[string]any{"identifier": "a", "password": "p1", "Password": "p2", "password_confirmation": "p3", "csrf_token": "c", "transient_payload": "t", "traits.email": strings.Repeat("x", 5000),
		"traits": map[string]any{"password": "p4", "age": json.Number("1e999"), "name": map[string]any{"first": "F", "secret": "p5"}}}}
	if err := e.remember(f, in); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"identifier": "a", "traits.name.first": "F"}; !reflect.DeepEqual(f.Answers, want) {
		t.Errorf("%v", f.Answers)
	}
}

func FuzzReadTraits(f *testing.F) {
	for _, seed := range []string{`{"traits":{"email":"a@b.example","age":1}}`, `{"traits.email":"a@b.example","traits.name.first":"x"}`, `{"traits":null}`, `{"traits":[]}`, `{"traits.":1,"traits..":2}`,
		`{"traits":{"age":1e999999999}}`, `{"traits":{"age":-1e400,"email":"x"}}`, `{"traits.age":"1e9","traits.news":"T"}`, `{"traits":{"name":7},"traits.name.first":1}`, `{"traits.email":{"a":1}}`} {
		f.Add([]byte(seed))
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		var values map[string]any
		if d.Decode(&values) != nil {
			return
		}
		raw, derived, err := ReadTraits(s, Input{Values: values})
		var broken *identity.TraitErrors
		switch {
		case err == nil && (!json.Valid(raw) || len(derived.Identifiers[identity.Password]) == 0):
			t.Errorf("%q: %q, %v", body, raw, derived)
		case err != nil && !errors.As(err, &broken):
			t.Errorf("%q: %v", body, err)
		case err != nil:
			for _, one := range broken.All {
				b, err := json.Marshal(failedTrait(one).Context)
				var again any
				if err != nil || json.Unmarshal(b, &again) != nil {
					t.Errorf("%q: a message that cannot be stored: %v", body, one)
				}
			}
		}
	})
}
