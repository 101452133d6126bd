package config

// place is where a value was written.
type place struct {
	file string // or the environment variable
	line int    // 0 for an environment variable
}

// shape is the outer form of a value.
type shape int

const (
	null shape = iota
	scalar
	list
	object
)

// value is a part of a configuration that knows where it comes from.
type value struct {
	at     place
	kind   shape
	tag    string // what YAML takes a scalar for (!!str, !!int, …); "" if the source has only text
	text   string
	items  []*value
	fields []field
}

// field is one entry of an object, in the order of the file.
type field struct {
	name  string
	at    place
	value *value
}

// plainText is a scalar whose type is for the reader to find out.
func plainText(at place, text string) *value {
	return &value{at: at, kind: scalar, text: text}
}

// found says in words what kind of value this is.
func (v *value) found() string {
	switch v.kind {
	case null:
		return "nothing"
	case list:
		return "a list"
	case object:
		return "a map"
	}
	switch v.tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "a text"
}

// child is the field's value with that name, or nil.
func (v *value) child(name string) *value {
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// set puts a value in the field with that name, which it adds if need be.
func (v *value) set(name string, at place, to *value) {
	for i := range v.fields {
		if v.fields[i].name == name {
			v.fields[i] = field{name, at, to}
			return
		}
	}
	v.fields = append(v.fields, field{name, at, to})
}

// put sets a value at a path, making the objects on the way.
func (v *value) put(path []string, to *value) {
	if len(path) == 1 {
		v.set(path[0], to.at, to)
		return
	}
	next := v.child(path[0])
	if next == nil || next.kind != object {
		next = &value{at: to.at, kind: object}
		v.set(path[0], to.at, next)
	}
	next.put(path[1:], to)
}

// merge lays one value over another: objects are merged field by field, anything else is replaced. A section without
// content changes nothing.
func merge(base, over *value) *value {
	if base.kind != object || over.kind != object {
		if base.kind == object && over.kind == null {
			return base
		}
		return over
	}
	merged := &value{at: over.at, kind: object, fields: append([]field(nil), base.fields...)}
	for _, f := range over.fields {
		if old := merged.child(f.name); old != nil {
			f.value = merge(old, f.value)
		}
		merged.set(f.name, f.at, f.value)
	}
	return merged
}
