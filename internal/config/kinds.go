package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind turns a value into a T. When it cannot, it reports why at the value's site and answers false.
type kind[T any] struct {
	name  string // what is wanted, in words
	many  bool   // a list: an environment variable may hold it with commas, or one item each
	parse func(s site) (T, bool)
}

// reader is a kind together with what becomes of the value.
type reader struct {
	name string
	many bool
	free bool // any shape will do, also none
	read func(s site)
}

// into stores the value in a field of the configuration.
func into[T any](k kind[T], field func(*Config) *T) reader {
	return reader{name: k.name, many: k.many, read: func(s site) {
		if v, ok := k.parse(s); ok {
			*field(s.l.config) = v
		}
	}}
}

// checked only checks the value.
func checked[T any](k kind[T]) reader {
	return reader{name: k.name, many: k.many, read: func(s site) { k.parse(s) }}
}

// anything accepts every shape.
var anything = reader{name: "anything", free: true, read: func(site) {}}

// word is the text of a scalar that YAML takes for one of the tags.
func (s site) word(want string, tags ...string) (string, bool) {
	v := s.value
	if v.kind != scalar || v.tag != "" && !slices.Contains(tags, v.tag) {
		advice := ""
		if v.kind == scalar && strings.HasPrefix(want, "a text") {
			advice = "; put it in quotes"
		}
		s.wrong("found %s, want %s%s", v.found(), want, advice)
		return "", false
	}
	return v.text, true
}

var boolean = kind[bool]{name: "true or false", parse: func(s site) (bool, bool) {
	if s.value.kind == scalar && s.value.tag == "!!str" {
		s.wrong("found the text %s, want true or false without quotes", quoted(s.value.text))
		return false, false
	}
	text, ok := s.word("true or false", "!!bool")
	if !ok {
		return false, false
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		s.wrong("%s is neither true nor false; write one of them", quoted(text))
	}
	return on, err == nil
}}

// texts is any text that is not empty and stays on one line.
var texts = kind[string]{name: "a text", parse: func(s site) (string, bool) {
	text, ok := s.word("a text", "!!str")
	if ok && strings.TrimSpace(text) == "" {
		s.wrong("is empty; write a text, or leave the key out")
		return "", false
	}
	if ok && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		s.wrong("holds a control character; write it on one line")
		return "", false
	}
	return text, ok
}}

// freeText is any text, also an empty one.
var freeText = kind[string]{name: "a text", parse: func(s site) (string, bool) {
	return s.word("a text", "!!str")
}}

// oneOf is a text from a closed list. Values that Kratos has and this server has not are told why by name.
func oneOf(words []string, declined map[string]string) kind[string] {
	name := "one of " + strings.Join(words, ", ")
	if len(words) == 1 {
		name = words[0]
	}
	return kind[string]{name: name, parse: func(s site) (string, bool) {
		text, ok := s.word(name, "!!str")
		switch {
		case !ok || slices.Contains(words, text):
			return text, ok
		case declined[text] != "":
			s.wrong("%s is a Kratos value that exeunt does not support: %s", quoted(text), declined[text])
		case nearest(text, words) != "":
			s.wrong("%s is not known; did you mean %s?", quoted(text), nearest(text, words))
		default:
			s.wrong("%s is not known; write %s", quoted(text), name)
		}
		return "", false
	}}
}

// number is a whole number between two bounds, both included.
func number(least, most int) kind[int] {
	want := "a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most)
	if most == math.MaxInt32 {
		want = "a whole number of at least " + strconv.Itoa(least)
	}
	return kind[int]{name: want, parse: func(s site) (int, bool) {
		if s.value.kind == scalar && s.value.tag == "!!str" {
			s.wrong("found the text %s, want %s without quotes", quoted(s.value.text), want)
			return 0, false
		}
		text, ok := s.word(want, "!!int")
		if !ok {
			return 0, false
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			s.wrong("%s is not possible; write %s", shortened(text), want)
			return 0, false
		}
		return n, true
	}}
}

// fraction is a share of a whole.
var fraction = kind[float64]{name: "a number from 0 to 1", parse: func(s site) (float64, bool) {
	text, ok := s.word("a number from 0 to 1", "!!float", "!!int")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= 1) {
		s.wrong("%s is not possible; write a number from 0 to 1", shortened(text))
		return 0, false
	}
	return n, true
}}

var (
	bareNumber  = regexp.MustCompile(`^[0-9]+$`)
	daysOrWeeks = regexp.MustCompile(`^([0-9]{1,5})(d|w)$`)
)

// duration is a time span in Go's syntax of at least some length. The unit is the one to suggest when none is written.
func duration(unit string, least time.Duration) kind[time.Duration] {
	return kind[time.Duration]{name: "a duration", parse: func(s site) (time.Duration, bool) {
		text, ok := s.word("a duration such as 1h30m", "!!str", "!!int", "!!float")
		if !ok {
			return 0, false
		}
		d, err := time.ParseDuration(text)
		switch {
		case bareNumber.MatchString(text):
			s.wrong("%s has no unit; write %s%s", quoted(text), shortened(text), unit)
		case daysOrWeeks.MatchString(text):
			s.wrong("%s: days and weeks are written in hours; write %s", quoted(text), inHours(text))
		case err != nil:
			s.wrong("%s is not a duration; write one such as 45s, 10m or 1h30m", quoted(text))
		case d < least:
			s.wrong("%s is too short; write %s or more", quoted(text), least)
		default:
			return d, true
		}
		return 0, false
	}}
}

// durationOrNone is a duration, or 0 for none.
func durationOrNone(unit string, least time.Duration) kind[time.Duration] {
	k := duration(unit, 0)
	parse := k.parse
	k.parse = func(s site) (time.Duration, bool) {
		d, ok := parse(s)
		if ok && d != 0 && d < least {
			s.wrong("%s is too short; write %s or more, or 0s for none", quoted(s.value.text), least)
			return 0, false
		}
		return d, ok
	}
	return k
}

func inHours(text string) string {
	m := daysOrWeeks.FindStringSubmatch(text)
	n, _ := strconv.Atoi(m[1])
	if m[2] == "w" {
		n *= 7
	}
	return strconv.Itoa(n*24) + "h"
}

var sizeText = regexp.MustCompile(`^([0-9]{1,9})(B|[KMGT]i?B)$`)

// size is a number of bytes with a unit. As in Kratos, KB and KiB both mean 1024 bytes.
var size = kind[uint64]{name: "a size", parse: func(s site) (uint64, bool) {
	text, ok := s.word("a size such as 64MiB", "!!str", "!!int")
	if !ok {
		return 0, false
	}
	m := sizeText.FindStringSubmatch(text)
	switch {
	case bareNumber.MatchString(text):
		s.wrong("%s has no unit; write %sB for bytes or a size such as 64MiB", quoted(text), shortened(text))
	case m == nil:
		s.wrong("%s is not a size; write one such as 64MiB, with a unit of B, KiB, MiB, GiB or TiB", quoted(text))
	default:
		n, _ := strconv.ParseUint(m[1], 10, 64)
		return n << (10 * strings.Index("BKMGT", m[2][:1])), true
	}
	return 0, false
}}

// listOf is a list whose items are all of one kind. One bad item does not hide another.
func listOf[T any](k kind[T]) kind[[]T] {
	return kind[[]T]{name: "a list, each item " + k.name, many: true, parse: func(s site) ([]T, bool) {
		if s.value.kind != list {
			s.wrong("found %s, want a list; write each item on its own line after a dash", s.value.found())
			return nil, false
		}
		var all []T
		sound := true
		for i := range s.value.items {
			v, ok := k.parse(s.item(i))
			all, sound = append(all, v), sound && ok
		}
		return all, sound
	}}
}
