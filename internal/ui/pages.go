// Package ui draws the built-in pages. They know what any other client knows: values of [wire], and addresses under the
// public base. They work without scripts, load nothing from elsewhere, and put nothing private into an address. Serving
// them, with their status and headers, is the business of whoever calls.
package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"

	"exeunt/internal/wire"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Options say what all pages show.
type Options struct {
	Base    string // public base URL with trailing slash; all links are absolute under it
	Product string // product name
	Logo    *Asset // picture for the header, or nil
}

// Pages draws every page. It is not changed after it was made, and may be used concurrently.
type Pages struct {
	base, origin string
	folder       string // of the assets, below the base
	product      string
	texts        *texts
	endings      func() []ending
	assets       assets
	templates    templates
}

// New prepares all pages. It fails when a page says something that the texts do not hold.
func New(o Options) (*Pages, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || !strings.HasSuffix(o.Base, "/") || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("base %q of the pages is not an http address with a trailing slash", o.Base)
	}
	p := &Pages{base: o.Base, folder: "ui/assets/", origin: base.Scheme + "://" + base.Host, product: o.Product}
	if p.texts, err = readTexts(textsFile); err != nil {
		return nil, err
	}
	p.endings = sync.OnceValue(p.texts.endings)
	if p.assets, err = newAssets(pageAssets, o.Logo); err != nil {
		return nil, err
	}
	p.templates, err = read(p.texts, templateFiles, "templates/", shared, pageNames)
	return p, err
}

// pageNames are the pages; each has its file of templates.
var pageNames = []string{"flow", "settings", "second", "home", "sessions", "logout", "signedout", "error"}

// shared are the files that all pages share.
var shared = []string{"layout", "parts", "form"}

// templates make the template of each page, by its name. That is done when the page is drawn for the first time: what nobody
// looks at takes no memory.
type templates map[string]func() (*template.Template, error)

// read finds the files of each page and of what they share, and asks for every text they name.
func read(t *texts, files embed.FS, folder string, shared, names []string) (templates, error) {
	sources := map[string]string{}
	for _, name := range slices.Concat(shared, names) {
		file := folder + name + ".html"
		source, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, key := range keysIn(source) {
			if !t.has(key) {
				return nil, fmt.Errorf("%s names the text %s, which does not exist", file, key)
			}
		}
		sources[name] = string(source)
	}
	all := templates{}
	for _, name := range names {
		all[name] = sync.OnceValues(func() (*template.Template, error) {
			page := template.New("").Funcs(template.FuncMap{"text": t.say})
			for _, part := range append(slices.Clone(shared), name) {
				if _, err := page.Parse(sources[part]); err != nil {
					return nil, fmt.Errorf("%s%s.html: %w", folder, part, err)
				}
			}
			return page, nil
		})
	}
	return all, nil
}

// document draws a whole document, or nothing at all when it fails.
func (all templates) document(w io.Writer, page string, frame any) error {
	t, err := all[page]()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "page", frame); err != nil {
		return fmt.Errorf("drawing the page %s: %w", page, err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// frame is what the layout needs; View is the page's own.
type frame struct {
	Product             string
	Style, Script, Icon string // addresses
	Logo                string // address, or ""
	SignIn, Whoami      string
	Endings             []ending
	View                any
}

func (p *Pages) draw(w io.Writer, page string, view any) error {
	f := frame{
		Product: p.product, Style: p.address(p.assets.style), Script: p.address(p.assets.script), Icon: p.address(p.assets.icon),
		SignIn: p.base + "self-service/login/browser", Whoami: p.base + "sessions/whoami", Endings: p.endings(), View: view,
	}
	if p.assets.logo != "" {
		f.Logo = p.address(p.assets.logo)
	}
	return p.templates.document(w, page, f)
}

// FlowPage is the form of a login or a registration.
type FlowPage struct {
	Kind    string // "login" or "registration"
	UI      wire.UI
	Refresh bool   // somebody who is signed in shall prove who they are again
	Other   string // address of the other flow, or ""
}

// Flow draws the form of a flow.
func (p *Pages) Flow(w io.Writer, v FlowPage) error {
	if v.Kind != "login" && v.Kind != "registration" {
		return fmt.Errorf("there is no page for a flow of the kind %q", v.Kind)
	}
	return p.draw(w, "flow", struct {
		FlowPage
		Form form
	}{v, p.form(v.UI)})
}

// SignOut is the form that ends a session.
type SignOut struct {
	Action string // POST target
	Token  string // hidden field "token"
	After  string // where to go after a script has sent the form
}

// HomePage is what somebody sees who is signed in.
type HomePage struct {
	Session wire.Session
	SignOut SignOut
	Others  string // action of the form "sign out everywhere else"
	CSRF    string // value of its csrf_token field
	Ended   int    // how many other sessions were just ended; -1: nothing to say

	Sessions string // address of the page of where somebody is signed in
	Settings string
}

// Home draws the page of somebody who is signed in.
func (p *Pages) Home(w io.Writer, v HomePage) error {
	return p.draw(w, "home", struct {
		HomePage
		Who          string
		Since, Until moment
		Device       device
	}{v, who(v.Session), p.moment(since(v.Session)), p.moment(v.Session.ExpiresAt), lastDevice(v.Session)})
}

// LogoutPage asks whether to sign out, for whoever opens the logout address without a token.
type LogoutPage struct {
	Session wire.Session
	SignOut SignOut
	Stay    string // link "stay signed in"
}

// Logout draws the question whether to sign out.
func (p *Pages) Logout(w io.Writer, v LogoutPage) error {
	return p.draw(w, "logout", struct {
		LogoutPage
		Who string
	}{v, who(v.Session)})
}

// SignedOutPage says that the session has ended.
type SignedOutPage struct {
	SignIn string
}

// SignedOut draws the page after a session has ended.
func (p *Pages) SignedOut(w io.Writer, v SignedOutPage) error {
	return p.draw(w, "signedout", v)
}

// ErrorPage is a failure, for people.
type ErrorPage struct {
	Error wire.Error
	Home  string
}

// Error draws a failure. Its reason gives way to our own words for its id, where the texts have some.
func (p *Pages) Error(w io.Writer, v ErrorPage) error {
	reason := v.Error.Reason
	if reason == "" {
		reason = v.Error.Message
	}
	return p.draw(w, "error", struct {
		ErrorPage
		Reason template.HTML
	}{v, p.texts.own([]string{"fault." + v.Error.ID}, v.Error.Details, reason)})
}
