package ui

import (
	"html/template"
	"slices"

	"exeunt/internal/wire"
)

// section is a form of its own for the nodes of one group, so that a required input of one group does not stand in the way
// of another.
type section struct {
	form
	Group         string
	Heading, Lead template.HTML // Lead is "" where there is nothing to say
	Focus         bool          // on the heading: what was asked for is below it
}

// sections divide a form. What is hidden and belongs to no group goes with all of them; whatever else belongs to none is
// complained about, and goes with the first.
func (p *Pages) sections(page string, ui wire.UI) (all []section, about notices) {
	whole := p.fields(ui)
	var common []field
	for _, f := range whole.Fields {
		if f.Group == "default" && f.Type == "hidden" {
			common = append(common, f)
			continue
		}
		i := slices.IndexFunc(all, func(s section) bool { return s.Group == f.Group })
		if f.Group == "default" {
			i = min(0, len(all)-1)
		}
		if i < 0 {
			i = len(all)
			all = append(all, section{Group: f.Group, form: form{Action: ui.Action, Fields: slices.Clone(common)}})
		}
		all[i].Fields = append(all[i].Fields, f)
	}
	for i := range all {
		p.title(page, &all[i])
		all[i].arrange()
	}
	return all, whole.Notices
}

// sectionKey is where the texts about sections are, by page and group.
const sectionKey = "section."

// title gives a section its heading, and says what it is for at the moment. A group without texts has its name.
func (p *Pages) title(page string, s *section) {
	key := sectionKey + page + "." + s.Group
	s.Heading = p.texts.own([]string{key}, nil, s.Group)
	switch {
	case s.holds(func(f field) bool { return f.Name == "lookup_secret_confirm" }):
		key += ".new"
	case s.holds(func(f field) bool { return f.Kind != "" }):
		key += ".shown"
	}
	s.Lead = p.texts.own([]string{key + ".lead"}, nil, "")
}

func (s *section) holds(what func(field) bool) bool { return slices.ContainsFunc(s.Fields, what) }

// removals are the buttons that take something away. They come last, and look like it.
var removals = []string{"totp_unlink", "lookup_secret_disable"}

// arrange puts the button first that most people want.
func (s *section) arrange() {
	place := func(f field) int {
		switch {
		case f.Type != "submit":
			return 0
		case !slices.Contains(removals, f.Name):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(s.Fields, func(a, b field) int { return place(a) - place(b) })
	quiet := false
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Type == "submit" {
			f.Quiet = quiet || place(*f) == 2
			quiet = true
		}
	}
}

// point lets reading or typing go on where something has happened: in what is wrong, or at codes that were asked for.
func point(all []section) {
	for i := range all {
		if all[i].wrong() {
			all[i].focus()
			return
		}
	}
	for i := range all {
		if all[i].holds(func(f field) bool { return f.Kind == codeList }) {
			all[i].Focus = true
			return
		}
	}
}

// wrong reports whether something is wrong with an input of the section.
func (s *section) wrong() bool {
	return s.holds(func(f field) bool { return f.typed() && f.Notices.Failed() })
}
