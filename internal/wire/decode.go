package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"exeunt/internal/fault"
)

// What can be wrong with a JSON body.
const (
	badJSON  = "json_malformed"
	badType  = "json_type_mismatch"
	badField = "json_unknown_field"
)

// MaxDepth bounds how deep objects and arrays may be nested.
const MaxDepth = 32

// ErrEmptyBody means that a JSON body was expected and none came.
var ErrEmptyBody = fault.New(fault.Invalid, badJSON, "The request body is empty; it has to be a JSON object.")

// Decode reads a JSON object into a struct or map. It is strict where parsers disagree, as what two readers understand
// differently can be abused: a repeated key, a NUL character, text that is not UTF-8, half a character, data after the end
// and deep nesting are refused. Unknown keys are refused when known is set, else ignored.
func Decode(body []byte, into any, known bool) error {
	if err := wellFormed(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if known {
		d.DisallowUnknownFields()
	}
	return decodeFault(d.Decode(into))
}

func decodeFault(err error) error {
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mismatch):
		return typeFault(mismatch)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name, _ := strconv.Unquote(strings.TrimPrefix(err.Error(), "json: unknown field "))
		return fault.Invalidf(badField, "The request body has an unknown key %q.", brief(name))
	}
	return fault.New(fault.Invalid, badJSON, "The request body cannot be read as JSON.").Because(err)
}

func typeFault(err *json.UnmarshalTypeError) error {
	place := "The request body"
	if err.Field != "" {
		place = "The value of " + brief(err.Field)
	}
	return fault.Invalidf(badType, "%s has the wrong type: it is %s, but has to be %s.", place, article(err.Value), wanted(err.Type))
}

func article(kind string) string {
	kind, _, _ = strings.Cut(kind, " ")
	switch kind {
	case "bool":
		return "a boolean"
	case "array", "object":
		return "an " + kind
	}
	return "a " + kind
}

// wanted names a JSON type, never the Go type behind it.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}

// wellFormed walks over the document once, before anything is made of it.
func wellFormed(body []byte) error {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return ErrEmptyBody
	case !utf8.Valid(body):
		return fault.New(fault.Invalid, badJSON, "The request body is not valid UTF-8.")
	case halved(body):
		return fault.New(fault.Invalid, badJSON, `The request body contains half a character: an escape between \ud800 and \udfff that is not one of a pair.`)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := value(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, badJSON, "The request body goes on after the end of the JSON document.")
	}
	return nil
}

// halved reports whether a document escapes one half of a character without the other. Such a text is not Unicode, and what
// readers put in its place differs. Outside of its texts, JSON has no backslash.
func halved(body []byte) bool {
	for {
		at := bytes.IndexByte(body, '\\')
		if at < 0 {
			return false
		}
		unit, size := escape(body[at:])
		body = body[min(at+size, len(body)):]
		if !utf16.IsSurrogate(unit) {
			continue
		}
		other, size := escape(body)
		if utf16.DecodeRune(unit, other) == unicode.ReplacementChar {
			return true
		}
		body = body[size:]
	}
}

// escape reads the escape that a text begins with: the unit of UTF-16 that it stands for, or zero if it is of another kind
// or none, and its length.
func escape(text []byte) (unit rune, size int) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, 2
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0, 2
	}
	return rune(n), 6
}

func value(d *json.Decoder, depth int) error {
	if depth > MaxDepth {
		return fault.Invalidf(badJSON, "The request body is nested more than %d levels deep.", MaxDepth)
	}
	tok, err := d.Token()
	if err != nil {
		return syntaxFault(d, err)
	}
	switch t := tok.(type) {
	case json.Delim:
		return members(d, t, depth)
	case string:
		return noNUL(t)
	}
	return nil
}

// members walks over the inside of an object or array. Decoding matches keys of a struct without regard to case, so at
// the top, where structs are, keys that differ in case alone count as repeated too.
func members(d *json.Decoder, open json.Delim, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			tok, err := d.Token()
			if err != nil {
				return syntaxFault(d, err)
			}
			key := tok.(string)
			if err := noNUL(key); err != nil {
				return err
			}
			if depth == 0 {
				key = strings.ToLower(key)
			}
			if seen[key] {
				return fault.Invalidf(badJSON, "The key %q occurs twice in the same object of the request body.", brief(key))
			}
			seen[key] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return syntaxFault(d, err)
	}
	return nil
}

// brief keeps a name that an answer repeats short.
func brief(name string) string {
	if r := []rune(name); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return name
}

func noNUL(s string) error {
	if strings.ContainsRune(s, 0) {
		return fault.New(fault.Invalid, badJSON, "The request body contains a NUL character.")
	}
	return nil
}

func syntaxFault(d *json.Decoder, err error) error {
	what := "is not valid JSON"
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		what = "ends in the middle of the JSON document"
	}
	return fault.New(fault.Invalid, badJSON, fmt.Sprintf("The request body %s, at byte %d.", what, d.InputOffset())).Because(err)
}
