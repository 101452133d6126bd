package config

import (
	"slices"
	"strconv"
	"strings"
)

// Line is one key with its value and where that comes from.
type Line struct{ Path, Value, Origin string }

// Show is all supported keys. Of what is or may hold a secret it shows that it is set, and not what it is.
func (o Origins) Show() (lines []Line) {
	for i := range table {
		if k := &table[i]; k.Class == Supported {
			lines = append(lines, Line{k.Path, o.shown(k), o.Of(k.Path)})
		}
	}
	return lines
}

const hidden = "[hidden]"

func (o Origins) shown(k *Key) string {
	v := o[k.Path]
	switch {
	case v == nil:
		return k.Default
	case k.Path == "dsn" && strings.HasPrefix(v.text, "postgres"), k.Path == "dsn" && strings.HasPrefix(v.text, "cockroach"):
		scheme, _, _ := strings.Cut(v.text, "://")
		return scheme + "://" + hidden
	case strings.HasPrefix(k.Path, "secrets."):
		return hidden
	}
	return v.brief()
}

// brief shows a scalar, or a list of scalars; of anything larger how large it is.
func (v *value) brief() string {
	switch v.kind {
	case scalar:
		return printed(v.text)
	case list:
		if slices.ContainsFunc(v.items, func(i *value) bool { return i.kind != scalar }) {
			return "(" + strconv.Itoa(len(v.items)) + " entries)"
		}
		texts := make([]string, len(v.items))
		for i, item := range v.items {
			texts[i] = printed(item.text)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case object:
		return "(" + strconv.Itoa(len(v.fields)) + " entries)"
	}
	return ""
}

// printed shows a text on one line.
func printed(text string) string {
	q := quoted(text)
	if bare := q[1 : len(q)-1]; !strings.Contains(bare, `\`) {
		return bare
	}
	return q
}
