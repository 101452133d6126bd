package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// fromFile are the keys whose value may stand in a file that NAME_FILE names.
var fromFile = []string{"dsn", "secrets.default", "secrets.cookie", "secrets.cipher"}

// envName is the environment variable of a key: SESSION_LIFESPAN for session.lifespan.
func envName(path string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

// environment collects what the environment sets. Variables that belong to no key are somebody else's; an empty one
// counts as absent.
func (l *loader) environment(environ []string) *value {
	vars := map[string]string{}
	for _, entry := range environ {
		if name, text, ok := strings.Cut(entry, "="); ok && text != "" {
			vars[name] = text
		}
	}
	names := slices.Sorted(maps.Keys(vars))
	tree := &value{kind: object}
	for i := range table {
		k := &table[i]
		if k.Class != Supported && !strings.ContainsAny(k.Path, ".-") {
			continue // VERSION, CONFIG and the like mean other things in many environments
		}
		if v := l.variable(k, vars, names); v != nil {
			tree.put(strings.Split(k.Path, "."), v)
		}
	}
	return tree
}

// variable is the value that the environment gives one key, or nil. It may come as NAME, as NAME_FILE, or, for a list,
// as NAME_0, NAME_1 and so on; two of these at once are a problem.
func (l *loader) variable(k *Key, vars map[string]string, names []string) *value {
	name := envName(k.Path)
	var found []*value
	if text, ok := vars[name]; ok {
		found = append(found, l.fromText(k, place{file: name}, text))
	}
	if path, ok := vars[name+"_FILE"]; ok && slices.Contains(fromFile, k.Path) {
		found = append(found, l.fromSecretFile(k, place{file: name + "_FILE"}, path))
	}
	if k.reader.many {
		found = append(found, l.indexed(name, vars, names))
	}
	found = slices.DeleteFunc(found, func(v *value) bool { return v == nil })
	if len(found) == 0 {
		return nil
	}
	for _, v := range found[1:] {
		l.problems.add(Problem{File: v.at.file, Path: k.Path, Text: "sets " + k.Path + ", and so does " + found[0].at.file + "; keep one of them"})
	}
	return found[0]
}

// fromText reads the value of a variable: a list may be JSON or have commas, anything else is a text. What is broken is
// reported and counts as absent.
func (l *loader) fromText(k *Key, at place, text string) *value {
	trimmed := strings.TrimSpace(text)
	structured := strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, "{")
	switch {
	case structured && (k.reader.many || k.reader.free):
		return l.fromJSON(at, text)
	case k.reader.many:
		return items(at, strings.Split(text, ","))
	}
	return plainText(at, text)
}

// fromJSON parses the text of a variable. Lines inside a variable help nobody, so places go without them.
func (l *loader) fromJSON(at place, text string) *value {
	before := len(l.problems.List)
	v := l.parse(at.file, []byte(text))
	for i := range l.problems.List[before:] {
		l.problems.List[before+i].Line = 0
	}
	if len(l.problems.List) > before {
		return nil
	}
	v.move(at)
	return v
}

// move gives a value and everything in it one place.
func (v *value) move(at place) {
	v.at = at
	for _, item := range v.items {
		item.move(at)
	}
	for i := range v.fields {
		v.fields[i].at = at
		v.fields[i].value.move(at)
	}
}

func items(at place, texts []string) *value {
	v := &value{at: at, kind: list}
	for _, text := range texts {
		v.items = append(v.items, plainText(at, strings.TrimSpace(text)))
	}
	return v
}

// fromSecretFile reads a value from the file that a variable names: one secret on each line.
func (l *loader) fromSecretFile(k *Key, at place, path string) *value {
	raw, err := readBounded(path)
	if err != nil {
		l.problems.add(Problem{File: at.file, Path: k.Path, Text: "the file " + quoted(path) + " cannot be read: " + err.Error()})
		return nil
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if !k.reader.many {
		return plainText(at, text)
	}
	return items(at, strings.Split(text, "\n"))
}

// indexed collects NAME_0, NAME_1 … and, for lists of maps, NAME_0_ID, NAME_0_URL …
func (l *loader) indexed(name string, vars map[string]string, names []string) *value {
	found := map[int]*value{}
	for _, variable := range names {
		rest, ok := strings.CutPrefix(variable, name+"_")
		if !ok {
			continue
		}
		digits, entry, deep := strings.Cut(rest, "_")
		i, err := strconv.Atoi(digits)
		if err != nil || i < 0 || strconv.Itoa(i) != digits {
			continue
		}
		v := plainText(place{file: variable}, vars[variable])
		if !deep {
			found[i] = v
			continue
		}
		if found[i] == nil || found[i].kind != object {
			found[i] = &value{at: v.at, kind: object}
		}
		found[i].set(strings.ToLower(entry), v.at, v)
	}
	return l.inOrder(name, found)
}

// inOrder makes a list of what was found by index, and reports a gap.
func (l *loader) inOrder(name string, found map[int]*value) *value {
	if len(found) == 0 {
		return nil
	}
	v := &value{kind: list}
	for n, i := range slices.Sorted(maps.Keys(found)) {
		if n != i {
			l.problems.add(Problem{File: found[i].at.file, Text: "there is no " + name + "_" + strconv.Itoa(n) + "; count from 0 without a gap"})
			break
		}
		v.items = append(v.items, found[i])
	}
	v.at = found[slices.Min(slices.Collect(maps.Keys(found)))].at
	return v
}
