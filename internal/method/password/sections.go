package password

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Bounds of what is parsed, in bytes. A key shorter than minKey would fit too many passwords.
const (
	maxHash = 4096
	maxPart = 1024
	minKey  = 8
)

var raw64 = base64.RawStdEncoding.Strict()

// sections reads the parts of a hash between its dollar signs, one after the other. A mistake anywhere makes it bad for
// good, so that a parser needs to ask only once, at the end.
type sections struct {
	rest []string
	bad  bool
}

func split(hash string) *sections {
	return &sections{rest: strings.Split(hash, "$")[1:]}
}

// end reports whether everything was there, and nothing more.
func (s *sections) end() bool { return !s.bad && len(s.rest) == 0 }

func (s *sections) next() string {
	if len(s.rest) == 0 {
		s.bad = true
		return ""
	}
	part := s.rest[0]
	s.rest = s.rest[1:]
	return part
}

// bytes reads base64, padded or not, of lo to hi bytes.
func (s *sections) bytes(lo, hi int) []byte { return s.decode(s.next(), lo, hi) }

// named reads "name=" and base64.
func (s *sections) named(name string, lo, hi int) []byte {
	value, ok := strings.CutPrefix(s.next(), name+"=")
	s.bad = s.bad || !ok
	return s.decode(value, lo, hi)
}

func (s *sections) decode(part string, lo, hi int) []byte {
	b, err := unbase64(part)
	s.bad = s.bad || err != nil || len(b) < lo || len(b) > hi
	return b
}

// numbers reads "a=1,b=2" with exactly these names in this order.
func (s *sections) numbers(names ...string) []uint64 {
	values := make([]uint64, len(names))
	fields := strings.Split(s.next(), ",")
	if len(fields) != len(names) {
		s.bad = true
		return values
	}
	for i, name := range names {
		text, ok := strings.CutPrefix(fields[i], name+"=")
		n, isNumber := number(text)
		values[i], s.bad = n, s.bad || !ok || !isNumber
	}
	return values
}

// number reads a decimal number. One that is too large becomes the largest, which is over every limit.
func number(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// unbase64 takes padding for optional, because systems differ in it.
func unbase64(text string) ([]byte, error) {
	if len(text)%4 == 0 {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "="), "=")
	}
	return raw64.DecodeString(text)
}
