package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on a file, far above any real one. Aliases count each time they are used.
const (
	maxBytes  = 1 << 20
	maxValues = 50_000
	maxDepth  = 64
)

// file reads one configuration file. What is wrong with it as a whole is reported, and the file counts as empty.
func (l *loader) file(name string) *value {
	raw, err := readBounded(name)
	if err != nil {
		l.problems.add(Problem{File: name, Text: "cannot be read: " + err.Error()})
		return &value{kind: object}
	}
	v := l.parse(name, raw)
	if v.kind != object && v.kind != null {
		l.problems.add(Problem{File: name, Line: v.at.line, Text: "found " + v.found() + ", want a map of keys"})
		return &value{kind: object}
	}
	return v
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if len(raw) > maxBytes {
		return nil, fmt.Errorf("it is longer than %d bytes", maxBytes)
	}
	return raw, nil
}

// parse turns YAML (or JSON, which is YAML too) into a value. Broken text is reported and counts as nothing.
func (l *loader) parse(name string, raw []byte) *value {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if err == io.EOF || len(doc.Content) == 0 && err == nil {
		return &value{}
	}
	if err == nil {
		err = decoder.Decode(&second)
	}
	if err == nil {
		l.problems.add(Problem{File: name, Line: second.Line, Text: "a second document begins here; keep one document in a file"})
	} else if err != io.EOF {
		l.problems.add(broken(name, raw, err))
		return &value{}
	}
	c := &converter{file: name, problems: &l.problems}
	return c.convert(doc.Content[0], "", 0)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// broken explains text that is not YAML.
func broken(name string, raw []byte, err error) Problem {
	p := Problem{File: name, Text: "is not YAML: " + err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = "is not YAML: " + strings.Join(strings.Fields(m[2]), " ")
	}
	for line := range bytes.Lines(raw) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.ContainsRune(indent, '\t') {
			p.Text += "; indent with spaces, not with tabs"
			break
		}
	}
	return p
}

// converter turns YAML nodes into values and keeps count.
type converter struct {
	file     string
	problems *Problems
	count    int
	tooMuch  bool
}

func (c *converter) complain(n *yaml.Node, path, text string) {
	c.problems.add(Problem{File: c.file, Line: n.Line, Path: path, Text: text})
}

func (c *converter) convert(n *yaml.Node, path string, depth int) *value {
	v := &value{at: place{c.file, n.Line}}
	c.count++
	if c.count > maxValues || depth > maxDepth {
		if !c.tooMuch {
			c.complain(n, path, "is too large or nests too deeply; aliases count each time they are used")
		}
		c.tooMuch = true
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		v = c.convert(n.Alias, path, depth+1)
	case yaml.ScalarNode:
		c.scalar(n, v)
	case yaml.SequenceNode:
		v.kind = list
		for i, item := range n.Content {
			v.items = append(v.items, c.convert(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case yaml.MappingNode:
		v.kind = object
		c.object(n, v, path, depth)
	}
	return v
}

func (c *converter) scalar(n *yaml.Node, v *value) {
	v.tag, v.text = n.ShortTag(), n.Value
	if v.tag != "!!null" {
		v.kind = scalar
	}
}

func (c *converter) object(n *yaml.Node, v *value, path string, depth int) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			c.complain(key, path, "a key must be a plain text; write merged or computed keys out")
			continue
		}
		at := joined(path, key.Value)
		if line, twice := seen[key.Value]; twice {
			c.complain(key, at, fmt.Sprintf("%s is already set in line %d; keep one of them", printable(at), line))
			continue
		}
		seen[key.Value] = key.Line
		v.fields = append(v.fields, field{key.Value, place{c.file, key.Line}, c.convert(n.Content[i+1], at, depth+1)})
	}
}
