package identity

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func compiled(t testing.TB, traits string) *Schema {
	t.Helper()
	s, err := CompileSchema("test", []byte(`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":`+traits+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const wideTraits = `{"type":"object","definitions":{"phone":{"type":"string","format":"tel","ory.sh/kratos":{"credentials":{"code":{"identifier":true,"via":"sms"}},"verification":{"via":"sms"}}}},"properties":{
"username":{"type":"string","minLength":1,"ory.sh/kratos":{"credentials":{"password":{"identifier":true},"webauthn":{"identifier":true}}}},
"emails":{"type":"array","items":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}},
"phone":{"$ref":"#/properties/traits/definitions/phone"},
"age":{"type":"integer","minimum":0,"maximum":150,"multipleOf":1},"score":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":10},
"tags":{"type":"array","uniqueItems":true,"maxItems":3,"items":{"type":"string","pattern":"^[a-z]+$","maxLength":5}},
"zip":{"anyOf":[{"type":"string"},{"type":"integer"}]},"kind":{"const":"x"}}}`

func TestDerive(t *testing.T) {
	d, err := compiled(t, wideTraits).Derive([]byte(`{"username":" Ada ","emails":["A@Example.org","b@example.org","a@example.org"],"phone":"+49 30 (123) 45-67"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Derived{
		Identifiers: map[CredentialType][]string{Password: {"a@example.org", "b@example.org", "ada"}, WebAuthn: {"ada"}, Code: {"+49301234567"}},
		Verifiable:  []Place{{"a@example.org", "email"}, {"b@example.org", "email"}, {"+49301234567", "sms"}},
		Recovery:    []Place{{"a@example.org", "email"}, {"b@example.org", "email"}},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
}

func TestTraitErrors(t *testing.T) {
	s := compiled(t, wideTraits)
	for traits, want := range map[string]string{
		`{"username":""}`: "traits.username minLength", `{"username":7}`: "traits.username type", `{"emails":["x"]}`: "traits.emails.0 email", `{"phone":"1"}`: "traits.phone tel", `{"age":-1}`: "traits.age minimum", `{"age":151}`: "traits.age maximum",
		`{"age":1.5}`: "traits.age type", `{"score":0}`: "traits.score exclusiveMinimum", `{"score":10}`: "traits.score exclusiveMaximum", `{"tags":["a","a"]}`: "traits.tags uniqueItems", `{"tags":["a","b","c","d"]}`: "traits.tags maxItems",
		`{"tags":["A"]}`: "traits.tags.0 pattern", `{"tags":["abcdef"]}`: "traits.tags.0 maxLength", `{"kind":"y"}`: "traits.kind const", `{`: "traits ", `[]`: "traits type", `{"age":1e400}`: "traits.age maximum",
		`{"username":"` + strings.Repeat("u", 600) + `"}`: "traits.username maxLength",
	} {
		_, err := s.Derive([]byte(traits))
		var broken *TraitErrors
		if !errors.As(err, &broken) || !errors.Is(err, ErrBadTraits) {
			t.Errorf("%.60s: %v", traits, err)
			continue
		}
		if got := fmt.Sprintf("%s %s", broken.All[0].Path, broken.All[0].Kind); got != want {
			t.Errorf("%.60s: %s, want %s", traits, got, want)
		}
	}
}

func TestTraitErrorsStayShort(t *testing.T) {
	_, err := compiled(t, wideTraits).Derive([]byte(`{"phone":"` + strings.Repeat("9", 1<<20) + `","emails":["` + strings.Repeat("x", 1<<20) + `"]}`))
	var broken *TraitErrors
	if !errors.As(err, &broken) || len(broken.Error()) > 5000 || len(fmt.Sprint(broken.All)) > 5000 {
		t.Errorf("%.100v", err)
	}
}

func TestDefaultSchema(t *testing.T) {
	s, err := CompileSchema("default", DefaultSchema)
	if err != nil {
		t.Fatal(err)
	}
	name, title, ok := s.IdentifierTitle()
	if name != "traits.email" || title != "E-Mail" || !ok {
		t.Errorf("%q, %q, %v", name, title, ok)
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"traits.email", "traits.name.first", "traits.name.last"}) {
		t.Error(names)
	}
	for traits, ok := range map[string]bool{`{"email":"a@example.org"}`: true, `{"email":"a@example.org","name":{"first":"A"}}`: true, `{}`: false, `null`: false, ``: false, `{"email":"a"}`: false, `{"email":"a@example.org","x":1}`: false} {
		if _, err := s.Derive([]byte(traits)); (err == nil) != ok {
			t.Errorf("%s: %v", traits, err)
		}
	}
}

func TestFieldsKeepTheOrderOfTheDocument(t *testing.T) {
	s := compiled(t, `{"type":"object","properties":{"z":{"type":"string"},"b":{"type":"object","properties":{"y":{"type":"integer"},"a":{"type":"boolean"}}},"a":{"type":"string","enum":["red","blue"],"title":"Colour"},"m":{"type":"array"}},"required":["a"]}`)
	var got []string
	for _, f := range s.Fields {
		got = append(got, f.Name+":"+f.Type)
	}
	if want := []string{"traits.z:string", "traits.b.y:integer", "traits.b.a:boolean", "traits.a:string", "traits.m:array"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if a := s.Fields[3]; !a.Required || a.Title != "Colour" || !reflect.DeepEqual(a.Options, []any{"red", "blue"}) {
		t.Errorf("%+v", a)
	}
}

func TestSchemasThatCannotBeUsed(t *testing.T) {
	for name, raw := range map[string]string{
		"no JSON": `{`, "no traits": `{"type":"object","properties":{}}`, "no properties": `{"properties":{"traits":{"type":"object"}}}`, "a bad type": `{"properties":{"traits":{"type":"thing","properties":{"a":{}}}}}`,
		"another document": `{"properties":{"traits":{"properties":{"a":{"$ref":"https://evil.example/x.json"}}}}}`, "a file": `{"properties":{"traits":{"properties":{"a":{"$ref":"file:///etc/passwd"}}}}}`,
		"an unknown keyword": `{"properties":{"traits":{"properties":{"a":{"ory.sh/kratos":{"credential":{}}}}}}}`, "a bad via": `{"properties":{"traits":{"properties":{"a":{"ory.sh/kratos":{"recovery":{"via":"fax"}}}}}}}`,
		"a bad pattern": `{"properties":{"traits":{"properties":{"a":{"pattern":"("}}}}}`, "a reference to nothing": `{"properties":{"traits":{"properties":{"a":{"$ref":"#/nope"}}}}}`,
	} {
		if _, err := CompileSchema("test", []byte(raw)); err == nil {
			t.Errorf("%s: compiles", name)
		}
	}
}

func TestParseID(t *testing.T) {
	const id = "4be85580-b3cd-4be2-8aa7-c2cb012028de"
	for text, ok := range map[string]bool{id: true, strings.ToUpper(id): true, "urn:uuid:" + id: true, "{" + id + "}": true, strings.ReplaceAll(id, "-", ""): true,
		"": false, "nope": false, "x" + id + "x": false, "<" + id + ">": false, "\n" + id + "\n": false, id + "\x00": false, id[:35]: false, id[:35] + "g": false, "{" + id: false, "urn:UUIX:" + id: false} {
		got, err := ParseID(text)
		if (err == nil) != ok || ok && got.String() != id {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzDerive(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, ``, `{"username":"a","emails":["a@b.example"],"phone":"+4930123456"}`, `{"age":1e999999999}`, `{"age":-1e-999999999}`, `{"score":0.1e1}`, `{"score":1e400}`, `{"tags":[1,[],{}]}`, `{"zip":7}`,
		`{"username":"\ud800"}`, `{"emails":["\"a b\"@c.example","a@[127.0.0.1]","A <a@b.example>"]}`, `{"a":{"b":[{"c":null}]}}`, `{"age":1E+2}`, `{"age":9223372036854775808}`, `{"score":10.1e3333337}`, `{"score":-1e-1000001}`, `{"score":1e+400}`} {
		f.Add([]byte(seed))
	}
	s := compiled(f, wideTraits)
	f.Fuzz(func(t *testing.T, traits []byte) {
		d, err := s.Derive(traits)
		var broken *TraitErrors
		if err != nil {
			if !errors.As(err, &broken) || len(broken.All) == 0 {
				t.Errorf("%q: %v", traits, err)
			}
			return
		}
		for _, ids := range d.Identifiers {
			for _, id := range ids {
				if id == "" || len(id) > maxIdentifier || id != FoldIdentifier(id) {
					t.Errorf("%q: identifier %q", traits, id)
				}
			}
		}
	})
}

func FuzzCompileSchema(f *testing.F) {
	f.Add(DefaultSchema)
	f.Add([]byte(`{"properties":{"traits":{"properties":{"a":{"$ref":"#/properties/traits"}}}}}`))
	f.Add([]byte(`{"properties":{"traits":{"$ref":"#/definitions/t"}},"definitions":{"t":{"properties":{"a":{"type":"string"}}}}}`))
	f.Add([]byte(`{"properties":{"traits":{"properties":{"a":{"type":"object","$ref":"#/properties/traits/properties/a"}}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := CompileSchema("fuzzed", raw)
		if err != nil {
			return
		}
		_, _ = s.Derive([]byte(`{"email":"a@b.example","a":{"a":{"a":"x"}}}`)) // it must end, and not crash
	})
}

func TestWhatIsWrongWithTraitsIsToldBriefly(t *testing.T) {
	s := compiled(t, `{"type":"object","properties":{"tags":{"type":"array","items":{"type":"string"}},"score":{"type":"number","minimum":0}}}`)
	key := strings.Repeat("k", 20_000)
	for name, traits := range map[string]string{
		"absurd numbers under a long name":    `{"` + key + `":[` + strings.Repeat("1e999,", 50_000) + `1]}`,
		"a long name many levels deep":        strings.Repeat(`{"`+key+`":`, 30) + "1e999" + strings.Repeat("}", 30),
		"more values than anybody needs":      `{"tags":[` + strings.Repeat("0,", 250_000) + `1]}`,
		"many values of the wrong type":       `{"tags":[` + strings.Repeat("0,", 9_000) + `1]}`,
		"a number that takes long to compare": `{"score":1e999999}`,
		"a number of many digits":             `{"score":` + strings.Repeat("9", 100_000) + `}`,
	} {
		_, err := s.Derive([]byte(traits))
		var broken *TraitErrors
		if !errors.As(err, &broken) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size := 0
		for _, e := range broken.All {
			size += len(e.Path) + len(e.Text)
		}
		if len(broken.All) == 0 || len(broken.All) > 50 || size > 50_000 {
			t.Errorf("%s: %d rules in %d bytes", name, len(broken.All), size)
		}
	}
	if _, err := s.Derive([]byte(`{"score":1e300,"tags":["a"],"more":{"x":[1,2,3e-300]}}`)); err != nil {
		t.Errorf("ordinary traits: %v", err)
	}
}
