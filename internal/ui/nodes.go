package ui

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"exeunt/internal/wire"
)

// form is a [wire.UI] prepared for the templates.
type form struct {
	Action  string
	Who     string // whom the hidden inputs speak of, or ""
	Notices notices
	Fields  []field
}

// field is one node of a form.
type field struct {
	ID, Name, Type, Value string
	Group                 string
	Label                 template.HTML
	Autocomplete, Pattern string
	InputMode             string
	Required, Disabled    bool
	Checked, Autofocus    bool
	Exact                 bool // typed letter by letter: nothing is to be capitalised or corrected
	Quiet                 bool // a button beside the one that most people want
	NoValidate            bool
	Options               []option
	Notices               notices
	DescribedBy           string
	sight
}

type option struct {
	Value    string
	Selected bool
}

type notice struct {
	Type string
	Text template.HTML
}

type notices []notice

// Failed reports whether something is wrong, rather than to be known.
func (all notices) Failed() bool {
	return slices.ContainsFunc(all, func(n notice) bool { return n.Type == "error" })
}

// oneTimeCode is what browsers and telephones offer codes for.
const oneTimeCode = "one-time-code"

// inputTypes are the types a node may have; any other is drawn as text.
var inputTypes = []string{"text", "email", "tel", "url", "number", "date", "datetime-local", "checkbox", "password", "hidden", "submit"}

func (p *Pages) form(ui wire.UI) form {
	f := p.fields(ui)
	f.focus()
	return f
}

// fields is a form in which typing begins nowhere yet.
func (p *Pages) fields(ui wire.UI) form {
	f := form{Action: ui.Action, Notices: p.notices(ui.Messages)}
	buttons := 0
	for i, n := range ui.Nodes {
		if n.Attributes.Type == "hidden" || stem(ui.Nodes, n.Attributes.Name) {
			f.Notices = append(f.Notices, p.notices(n.Messages)...)
		}
		if stem(ui.Nodes, n.Attributes.Name) {
			continue
		}
		field := p.field("field-"+strconv.Itoa(i), n)
		switch field.Type {
		case "hidden":
			if f.Who == "" && namesPerson(n.Attributes) {
				f.Who = field.Value
			}
		case "submit":
			field.Quiet = buttons > 0
			buttons++
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

// stem reports whether a node stands for an object whose parts have nodes. Such a node appears with a message about the
// whole object; an input of its own would contradict those of the parts.
func stem(nodes []wire.Node, name string) bool {
	return slices.ContainsFunc(nodes, func(n wire.Node) bool { return strings.HasPrefix(n.Attributes.Name, name+".") })
}

func namesPerson(a wire.Attributes) bool {
	return a.Name == "identifier" || a.Autocomplete == "email" || a.Autocomplete == "tel" || strings.HasSuffix(a.Name, ".username")
}

func (p *Pages) field(id string, n wire.Node) field {
	a := n.Attributes
	f := field{
		ID: id, Name: a.Name, Type: a.Type, Value: plain(a.Value), Label: p.label(n), Autocomplete: a.Autocomplete,
		Group: n.Group, Required: a.Required, Disabled: a.Disabled, Notices: p.notices(n.Messages),
		Exact: namesPerson(a) || a.Type == "email" || a.Type == "url" || a.Autocomplete == oneTimeCode, NoValidate: a.Name == "screen" && a.Value == "previous",
	}
	if f.sight = p.sight(a); f.sight.Kind != "" {
		f.Type = f.sight.Kind
		return f
	}
	if !slices.Contains(inputTypes, f.Type) {
		f.Type = "text"
	}
	switch {
	case a.Type == "hidden" || a.Type == "submit":
		return f
	case a.Type == "checkbox":
		f.Checked, f.Value = f.Value == "true", "true"
	case len(a.Options) > 0:
		f.Type = "select"
		for _, o := range a.Options {
			v := plain(o.Value)
			f.Options = append(f.Options, option{v, v == f.Value})
		}
	case a.Pattern != "":
		f.Pattern = ".*(?:" + a.Pattern + ").*" // a schema looks for its pattern anywhere, a browser compares the whole value
	}
	if a.Name == "totp_code" {
		f.InputMode = "numeric"
	}
	if f.Autocomplete == "" && (a.Name == "identifier" || strings.HasSuffix(a.Name, ".username")) {
		f.Autocomplete = "username"
	}
	if len(f.Notices) > 0 {
		f.DescribedBy = id + "-notices"
	}
	return f
}

// focus chooses where typing begins: in the first input that is wrong, or else the first that is empty. What is wrong
// with the whole form is said there too.
func (f *form) focus() {
	best := -1
	for i, n := range f.Fields {
		if !n.typed() {
			continue
		}
		if n.Notices.Failed() {
			best = i
			break
		}
		if best < 0 && n.Value == "" {
			best = i
		}
	}
	if best < 0 {
		return
	}
	first := &f.Fields[best]
	first.Autofocus = true
	if f.Notices.Failed() {
		first.DescribedBy = strings.TrimSpace("notices " + first.DescribedBy)
	}
}

// typed reports whether somebody can type into a field, or choose in it.
func (f *field) typed() bool {
	return f.Type != "hidden" && f.Type != "submit" && f.Kind == "" && !f.Disabled
}

// label is the node's label in our own words if we have some, for its group or in general, else in those of the wire.
func (p *Pages) label(n wire.Node) template.HTML {
	l := n.Meta.Label
	if l == nil {
		return template.HTML(template.HTMLEscapeString(n.Attributes.Name))
	}
	key := messageKey(l.ID)
	return p.texts.own([]string{key + "." + n.Group, key}, l.Context, l.Text)
}

func (p *Pages) notices(all []wire.Message) notices {
	var ns notices
	for _, m := range all {
		key := messageKey(m.ID)
		keys := []string{key}
		if why, ok := m.Context["end_reason"].(string); ok {
			keys = []string{key + "." + why}
		}
		n := notice{"info", p.texts.own(keys, m.Context, m.Text)}
		if m.Type == "error" || m.Type == "success" {
			n.Type = m.Type
		}
		ns = append(ns, n)
	}
	return ns
}

func messageKey(id int) string { return "message." + strconv.Itoa(id) }

// plain shows a value in an input. Lists and objects have no input, and are "".
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, int, int64, json.Number:
		return fmt.Sprint(v)
	}
	return ""
}
