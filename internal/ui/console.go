package ui

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"exeunt/internal/wire"
)

//go:embed templates/console/*.html
var consoleFiles embed.FS

// Console draws the pages of the console. It is not changed after it was made, and may be used concurrently.
type Console struct {
	Pages
	path string
}

// ConsoleOptions say what all pages of the console show.
type ConsoleOptions struct {
	Path    string // of the console, with a slash at both ends
	Product string // product name
}

var consolePages = []string{"signin", "overview", "sessions", "confirm", "identities", "identity", "events", "hooks", "redirects", "keys", "error"}

// NewConsole prepares all pages. It fails when a page says something that the texts do not hold.
func NewConsole(o ConsoleOptions) (*Console, error) {
	if !strings.HasPrefix(o.Path, "/") || !strings.HasSuffix(o.Path, "/") || strings.HasPrefix(o.Path, "//") {
		return nil, fmt.Errorf("path %q of the console does not begin and end with a slash", o.Path)
	}
	c := &Console{Pages: Pages{base: o.Path, folder: "assets/", product: o.Product}, path: o.Path}
	var err error
	if c.texts, err = readTexts(textsFile, consoleTexts); err != nil {
		return nil, err
	}
	if c.assets, err = newAssets(consoleAssets, nil); err != nil {
		return nil, err
	}
	c.templates, err = read(c.texts, consoleFiles, "templates/console/", []string{"layout", "parts"}, consolePages)
	return c, err
}

// Policy is the Content-Security-Policy of a page of the console.
func (c *Console) Policy() string {
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// Visit is what the pages show of whoever looks at them.
type Visit struct {
	At     string   // the section that the page belongs to
	Who    string   // the name of the key, or of the person; "" while there is no key
	Person bool     // it is a person
	Opens  []string // the sections that it opens; none shows no navigation
	CSRF   string
	Done   string // what was just done, a key of the texts below console.said., or ""
	Number int    // how many, where that is counted
}

// Sections are all there are, in their order.
var Sections = []string{"overview", "sessions", "identities", "events", "hooks", "redirects", "keys"}

type consoleSection struct {
	Name, Path string
	Label      template.HTML
}

// consoleFrame is what the layout needs; View is the page's own.
type consoleFrame struct {
	Visit
	Product, Base       string
	Style, Script, Icon string
	Sections            []consoleSection
	Open                bool // nobody asks for a key
	Said                template.HTML
	View                any
}

func (c *Console) draw(w io.Writer, v Visit, page string, view any) error {
	f := consoleFrame{Visit: v, Product: c.product, Base: c.path, Style: c.address(c.assets.style), Script: c.address(c.assets.script),
		Icon: c.address(c.assets.icon), View: view, Open: v.Who == "" && len(v.Opens) > 0}
	for _, name := range Sections {
		if slices.Contains(v.Opens, name) {
			f.Sections = append(f.Sections, consoleSection{name, strings.TrimPrefix(name, "overview"), c.say("console." + name)})
		}
	}
	if v.Done != "" {
		f.Said = c.say("console.said."+v.Done, v.Number)
	}
	return c.templates.document(w, page, f)
}

// say is a text that code asks for, or nothing.
func (c *Console) say(key string, about ...any) template.HTML {
	if !c.texts.has(key) {
		return ""
	}
	said, _ := c.texts.say(key, about...) // a text that cannot be filled in is not said
	return said
}

// instant is a time in a list.
type instant struct{ Machine, Short string }

func at(t time.Time) instant {
	t = t.UTC()
	return instant{t.Format(time.RFC3339), t.Format("2006-01-02 15:04")}
}

func maybeAt(t *time.Time) *instant {
	if t == nil {
		return nil
	}
	i := at(*t)
	return &i
}

// picked is one of a choice.
type picked struct {
	Value string
	Label template.HTML
}

// asked is a field of a search.
type asked struct {
	ID, Name, Value string
	Label           template.HTML
	Options         []picked
}

// choice is a field whose values are told by the texts below a key, or else by themselves.
func (c *Console) choice(name, value, key string, values []string) asked {
	f := asked{ID: "field-" + name, Name: name, Value: value, Label: c.say("console.field." + name), Options: []picked{{"", c.say("console.any")}}}
	for _, v := range values {
		f.Options = append(f.Options, picked{v, c.texts.own([]string{key + v}, nil, v)})
	}
	return f
}

func (c *Console) typed(name, value string) asked {
	return asked{ID: "field-" + name, Name: name, Value: value, Label: c.say("console.field." + name)}
}

// Older leads to the next page of a list; nil for none.
type Older struct {
	Address   string
	Searching bool // the page is not full, but there is more to look at
}

// SignInPage asks for a key, or for the session of the browser.
type SignInPage struct {
	Wrong *wire.Error // why nobody got in before
	Shut  bool        // there is no key with which anybody could sign in
}

// SignIn draws its forms. They are the same for everybody.
func (c *Console) SignIn(w io.Writer, v Visit, p SignInPage) error {
	wrong := template.HTML("")
	if p.Wrong != nil {
		wrong = c.reason(*p.Wrong)
	}
	return c.draw(w, v, "signin", struct {
		Action string
		Wrong  template.HTML
		Shut   bool
	}{c.path + "sign-in", wrong, p.Shut})
}

func (c *Console) reason(e wire.Error) template.HTML {
	said := e.Reason
	if said == "" {
		said = e.Message
	}
	return c.texts.own([]string{"fault." + e.ID}, e.Details, said)
}

// Fault draws a failure.
func (c *Console) Fault(w io.Writer, v Visit, e wire.Error) error {
	return c.draw(w, v, "error", struct {
		Error  wire.Error
		Reason template.HTML
	}{e, c.reason(e)})
}

// Hidden is a hidden field.
type Hidden struct{ Name, Value string }

// ConfirmPage asks once before something is done that cannot be undone.
type ConfirmPage struct {
	What   string   // the key of its texts below console.confirm.
	Who    string   // whom or what it concerns
	Count  int      // or how many
	More   bool     // there may be more
	List   []string // the first of them
	Action string   // below the console
	Hidden []Hidden
	Back   string // below the console
}

// Confirm draws the question.
func (c *Console) Confirm(w io.Writer, v Visit, p ConfirmPage) error {
	key := "console.confirm." + p.What
	about := any(p.Who)
	button := c.say(key + ".button")
	further := template.HTML("")
	if p.What == "sessions" {
		about = map[string]int{"Count": p.Count}
		if p.More {
			further = c.say(key + ".further")
		}
	}
	switch {
	case p.What == "revoke":
		button = c.say("console.revokebutton")
	case button == "":
		button = c.say("console.confirm.end")
	}
	var list []template.HTML
	for _, one := range p.List {
		list = append(list, template.HTML(template.HTMLEscapeString(one)))
	}
	if rest := p.Count - len(list); rest > 0 && len(list) > 0 {
		list = append(list, c.say(key+".rest", rest))
	}
	return c.draw(w, v, "confirm", struct {
		Heading, Question, Button, Further template.HTML
		List                               []template.HTML
		Action, Back                       string
		Hidden                             []Hidden
	}{c.say(key, about), c.say(key+".question", about), button, further, list, c.path + p.Action, c.path + p.Back, p.Hidden})
}
