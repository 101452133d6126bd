package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Sources is what files and environment say, read once: whatever becomes of the files, it can be loaded again, with other
// settings over it.
type Sources struct {
	tree     *value
	problems []Problem
}

// Read reads the files, later ones over earlier ones, and then the environment ("NAME=value" entries) over them all.
// What is wrong with them is told by [Sources.Load].
func Read(files, environ []string) *Sources {
	l := newLoader()
	tree := &value{kind: object}
	for _, name := range files {
		tree = merge(tree, l.file(name))
	}
	tree = merge(tree, l.environment(environ))
	return &Sources{tree: tree, problems: l.problems.List}
}

// Load makes a configuration of what was read and, over it, of the settings of the store. Maps are merged, lists and
// values replaced. An error is a [*Problems] with everything that is wrong; what else is returned is nil then.
func (s *Sources) Load(stored Stored) (*Config, Origins, error) {
	l := newLoader()
	l.problems.List = slices.Clone(s.problems)
	l.defaults()
	l.walk(keyTree, merge(s.tree, l.stored(stored)), "")
	l.settle()
	if len(l.problems.List) > 0 {
		l.problems.sort()
		return nil, nil, &l.problems
	}
	return l.config, l.given, nil
}

func newLoader() *loader {
	return &loader{config: &Config{}, given: map[string]*value{}, unsound: map[string]bool{}}
}

// Origins are the keys that were set, with what was set and where.
type Origins map[string]*value

// Of says where the value of a key comes from: a file and its line, the environment, the store, or the default.
func (o Origins) Of(path string) string {
	v := o[path]
	switch {
	case v == nil:
		return "default"
	case v.fromStore():
		return "store"
	case v.at.line == 0:
		return "environment " + v.at.file
	}
	return v.at.file + ":" + strconv.Itoa(v.at.line)
}

// Restart names the keys whose values differ in what is to come, and that only a restart can change.
func (o Origins) Restart(next Origins) (paths []string) {
	keys := map[string]bool{}
	for path := range o {
		keys[path] = true
	}
	for path := range next {
		keys[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(keys)) {
		if !Reloadable(path) && !o[path].same(next[path]) {
			paths = append(paths, path)
		}
	}
	return paths
}

// same reports whether two values say the same, wherever they do.
func (v *value) same(w *value) bool {
	if v == nil || w == nil {
		return v == w
	}
	byName := func(a, b field) int { return strings.Compare(a.name, b.name) }
	a, b := slices.SortedFunc(slices.Values(v.fields), byName), slices.SortedFunc(slices.Values(w.fields), byName)
	return v.kind == w.kind && v.text == w.text && slices.EqualFunc(v.items, w.items, (*value).same) &&
		slices.EqualFunc(a, b, func(f, g field) bool { return f.name == g.name && f.value.same(g.value) })
}
