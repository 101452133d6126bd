package identity

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The largest numbers that traits may hold, as they are written. They are compared exactly, which takes the longer the
// larger they are, and beyond some size is given up.
const (
	maxNumber   = 400 // characters
	maxExponent = 400
)

// unbounded finds the numbers that are too large to be compared with what a schema allows.
func unbounded(path string, v any) (found []TraitError) {
	switch v := v.(type) {
	case json.Number:
		if !bounded(v.String()) {
			found = []TraitError{{Path: path, Text: "is a number that is too large or too small"}}
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			found = append(found, unbounded(path+"."+name, v[name])...)
		}
	case []any:
		for i, child := range v {
			found = append(found, unbounded(path+"."+strconv.Itoa(i), child)...)
		}
	}
	return found
}

func bounded(number string) bool {
	i := strings.IndexAny(number, "eE")
	if len(number) > maxNumber || i < 0 {
		return len(number) <= maxNumber
	}
	exponent, err := strconv.Atoi(number[i+1:])
	return err == nil && -maxExponent <= exponent && exponent <= maxExponent
}
