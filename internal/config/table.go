package config

import (
	"slices"
	"strings"
)

// Class says what becomes of a key.
type Class int

// The classes.
const (
	Supported Class = iota // it is read and obeyed
	Inert                  // it is a Kratos key that is checked and has no effect; a notice says so
	Refused                // it is a Kratos key that would change behaviour or safety, and that this server cannot obey
)

// Key is one row of the table of keys.
type Key struct {
	Path    string
	Kind    string // what a value looks like, in words
	Default string // as it would be written in a file; empty if there is none
	Doc     string // one sentence: what it does, or why it does nothing
	Class   Class

	reader reader
}

// Keys is the table of all keys that a file may hold, in the order of the documentation.
func Keys() []Key {
	return slices.Clone(table)
}

var (
	table   = slices.Concat(supportedKeys(), inertKeys(), refusedKeys())
	keyTree = grow(table)
)

// branch is a place in the tree of keys: a section with children, or a key.
type branch struct {
	children map[string]*branch
	key      *Key
}

func grow(keys []Key) *branch {
	root := &branch{}
	for i := range keys {
		b := root
		for name := range strings.SplitSeq(keys[i].Path, ".") {
			if b.children == nil {
				b.children = map[string]*branch{}
			}
			if b.children[name] == nil {
				b.children[name] = &branch{}
			}
			b = b.children[name]
		}
		b.key = &keys[i]
	}
	return root
}

// supported makes the row of a key that this server obeys.
func supported(path, preset, doc string, r reader) Key {
	return Key{Path: path, Kind: r.name, Default: preset, Doc: doc, Class: Supported, reader: r}
}

// inert makes the row of a key that is checked and has no effect. The sentence says why. A switch that is off asks for
// nothing, so it makes no notice.
func inert(path, why string, r reader) Key {
	check := r.read
	r.read = func(s site) {
		check(s)
		if s.value.kind == scalar && s.value.text == "false" && strings.HasSuffix(path, ".enabled") {
			return
		}
		s.l.notice("%s: accepted, no effect in this version: %s", path, why)
	}
	return Key{Path: path, Kind: r.name, Doc: why, Class: Inert, reader: r}
}

// refused makes the row of a key that is never accepted.
func refused(path, why string) Key {
	return Key{Path: path, Kind: "none", Doc: why, Class: Refused, reader: reader{
		name: "none",
		free: true,
		read: func(s site) { s.wrong("%s", why) },
	}}
}

// refusedUnless makes the row of a switch that is accepted only with the value that changes nothing.
func refusedUnless(path string, harmless bool, why string) Key {
	k := supported(path, "", why, reader{name: boolean.name, read: func(s site) {
		if on, ok := boolean.parse(s); ok && on != harmless {
			s.wrong("%s", why)
		}
	}})
	k.Class = Refused
	return k
}
