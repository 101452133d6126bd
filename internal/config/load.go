package config

import (
	"fmt"
	"strings"
)

// Load reads the files, later ones over earlier ones, and then the environment ("NAME=value" entries) over them all.
// Maps are merged, lists and values replaced. Without files the defaults hold. An error is a [*Problems] with
// everything that is wrong; the Config is nil then.
func Load(files []string, environ []string) (*Config, error) {
	c, _, err := Read(files, environ).Load(nil)
	return c, err
}

// loader carries one run of Load.
type loader struct {
	config   *Config
	problems Problems
	given    map[string]*value // what files, environment and store set, by path
	unsound  map[string]bool   // paths with a problem; rules about several keys leave them alone
	revoking []string          // methods whose changes end other sessions because of a hook
}

// defaults sets every default through the same reader that files go through, so the table cannot lie.
func (l *loader) defaults() {
	for i := range table {
		if k := &table[i]; k.Class == Supported && k.Default != "" {
			k.reader.read(site{l: l, key: k.Path, path: k.Path, value: l.fromText(k, place{}, k.Default)})
		}
	}
}

// walk goes down the file and the tree of keys together.
func (l *loader) walk(b *branch, v *value, path string) {
	if v.kind == null {
		return
	}
	if v.kind != object {
		site{l: l, key: path, path: path, value: v}.wrong("found %s, want keys such as %s", v.found(), b.some())
		return
	}
	for _, f := range v.fields {
		at := joined(path, f.name)
		child := b.children[f.name]
		switch {
		case child == nil:
			l.unknown(b, f, at)
		case child.key != nil:
			l.apply(child.key, f.value)
		default:
			l.walk(child, f.value, at)
		}
	}
}

// apply hands one value to the reader of its key.
func (l *loader) apply(k *Key, v *value) {
	l.given[k.Path] = v
	s := site{l: l, key: k.Path, path: k.Path, value: v}
	if v.kind == null && !k.reader.free {
		s.wrong("has no value; write %s, or leave the key out", k.reader.name)
		return
	}
	k.reader.read(s)
}

// notice adds a sentence to the configuration's notices.
func (l *loader) notice(format string, args ...any) {
	l.config.Notices = append(l.config.Notices, fmt.Sprintf(format, args...))
}

// unknown reports a key that is in no list, with the key that was probably meant.
func (l *loader) unknown(b *branch, f field, path string) {
	text := "unknown key " + printable(path)
	if near := nearest(f.name, b.names()); near != "" {
		text += "; did you mean " + near + "?"
	} else if far := elsewhere(f.name); far != "" {
		text += "; did you mean " + far + "?"
	} else {
		text += "; known here: " + b.some()
	}
	l.problems.add(Problem{File: f.at.file, Line: f.at.line, Path: path, Text: text})
}

func joined(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
