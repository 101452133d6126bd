package ui

import (
	"io"
	"slices"

	"exeunt/internal/wire"
)

// SettingsPage is the forms of a settings flow, one for each thing that can be changed.
type SettingsPage struct {
	UI       wire.UI
	Session  wire.Session
	Home     string // address of the page of who is signed in
	Sessions string // address of the page of where
}

// Settings draws what somebody can change about their account.
func (p *Pages) Settings(w io.Writer, v SettingsPage) error {
	sections, about := p.sections("settings", v.UI)
	for _, s := range sections {
		for i := range s.Fields {
			if f := &s.Fields[i]; f.Autocomplete == "new-password" {
				f.Label = p.texts.own([]string{"settings.newpassword"}, nil, "")
			}
		}
	}
	point(sections)
	return p.draw(w, "settings", struct {
		SettingsPage
		Who      string
		Notices  notices
		Sections []section
	}{v, who(v.Session), about, sections})
}

// SecondFactorPage is the form of a step-up: one way after the other to show the second factor.
type SecondFactorPage struct {
	UI      wire.UI
	Refresh bool // somebody who has shown it shall show it again
	Session wire.Session
	SignOut SignOut // for whoever cannot
}

// lookupFailures are the numbers of what may be wrong with a recovery code.
var lookupFailures = []int{4000012, 4000014, 4000016}

// SecondFactor draws the second step of signing in. The first way is there to use, the others are behind it.
func (p *Pages) SecondFactor(w io.Writer, v SecondFactorPage) error {
	ways, about := p.sections("second", v.UI)
	used := 0
	for i, way := range ways {
		if way.wrong() || way.Group == "lookup_secret" && slices.ContainsFunc(v.UI.Messages, func(m wire.Message) bool { return slices.Contains(lookupFailures, m.ID) }) {
			used = i
		}
	}
	if len(ways) > 0 {
		ways[used].Notices, ways[used].Focus = about, used > 0
		ways[used].focus()
	}
	return p.draw(w, "second", struct {
		SecondFactorPage
		Who     string
		Notices notices
		Ways    []section
	}{v, who(v.Session), about, ways})
}
