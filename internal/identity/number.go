package identity

import (
	"encoding/json"
	"strconv"
	"strings"
)

// What traits may hold at most. Numbers are compared exactly, which takes the longer the larger they are, and beyond some
// size is given up; and every value that breaks a rule costs more than it does to send it.
const (
	maxNumber   = 400    // characters of a number, as it is written
	maxExponent = 400    // of a number
	maxValues   = 10_000 // values in all, objects and lists among them
)

// measure goes through traits until something is too large.
type measure struct{ values int }

// excess returns the first thing that is too large, or nil. Its path is put together on the way back, when there is one.
func (m *measure) excess(v any) (path []string, text string) {
	if m.values++; m.values > maxValues {
		return nil, "has more than " + strconv.Itoa(maxValues) + " values"
	}
	switch v := v.(type) {
	case json.Number:
		if !bounded(v.String()) {
			return nil, "is a number that is too large or too small"
		}
	case map[string]any:
		for name, child := range v {
			if path, text := m.excess(child); text != "" {
				return append(path, name), text
			}
		}
	case []any:
		for i, child := range v {
			if path, text := m.excess(child); text != "" {
				return append(path, strconv.Itoa(i)), text
			}
		}
	}
	return nil, ""
}

func bounded(number string) bool {
	i := strings.IndexAny(number, "eE")
	if len(number) > maxNumber || i < 0 {
		return len(number) <= maxNumber
	}
	exponent, err := strconv.Atoi(number[i+1:])
	return err == nil && -maxExponent <= exponent && exponent <= maxExponent
}
