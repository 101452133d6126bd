package ui

import (
	"html/template"
	"io"
	"slices"
	"strings"

	"exeunt/internal/wire"
)

// RedirectsPage is where browsers may be sent.
type RedirectsPage struct {
	Version                              int64
	Logout, Default, Allowed             string
	FromLogout, FromDefault, FromAllowed string // where each value comes from
	Wrong                                []string
	Changed                              bool // by somebody else meanwhile
}

type consoleSetting struct {
	Name, Value, Source string
	Label, Hint         template.HTML
	Lines               bool
}

// Redirects draws it.
func (c *Console) Redirects(w io.Writer, v Visit, p RedirectsPage) error {
	field := func(name, value, source string) consoleSetting {
		return consoleSetting{name, value, source, c.say("console.redirect." + name), c.say("console.redirect." + name + ".hint"), name == "allowed"}
	}
	var wrong []template.HTML
	if p.Changed {
		wrong = append(wrong, c.say("console.changed"))
	}
	for _, text := range p.Wrong {
		wrong = append(wrong, template.HTML(template.HTMLEscapeString(text)))
	}
	return c.draw(w, v, "redirects", struct {
		Version int64
		Fields  []consoleSetting
		Wrong   []template.HTML
	}{p.Version, []consoleSetting{field("logout", p.Logout, p.FromLogout), field("default", p.Default, p.FromDefault), field("allowed", p.Allowed, p.FromAllowed)}, wrong})
}

// KeysPage is the keys of the admin API.
type KeysPage struct {
	Keys     []wire.Key
	Made     *wire.Key // with its secret: now and never again
	Name     string    // that was typed
	Chosen   []string  // the scopes that were chosen
	Scopes   []string
	Expiries []string
	Wrong    *wire.Error
}

type consoleKey struct {
	ID, Name, Scopes, By string
	Created              instant
	Expires, Used        *instant
	State                template.HTML
	Live, Revocable      bool
}

type consoleScope struct {
	Name    string
	Label   template.HTML
	Checked bool
}

// Keys draws them.
func (c *Console) Keys(w io.Writer, v Visit, p KeysPage) error {
	rows := make([]consoleKey, len(p.Keys))
	for i, k := range p.Keys {
		rows[i] = c.keyRow(k)
	}
	var scopes []consoleScope
	for _, s := range p.Scopes {
		scopes = append(scopes, consoleScope{s, c.say("console.scope." + s), slices.Contains(p.Chosen, s)})
	}
	expiries := []picked{{"", c.say("console.never")}}
	for _, e := range p.Expiries {
		expiries = append(expiries, picked{e, c.say("console.expiry." + e)})
	}
	view := struct {
		Rows               []consoleKey
		Made, Secret, Name string
		Scopes             []consoleScope
		Expiries           []picked
		Wrong              template.HTML
	}{Rows: rows, Name: p.Name, Scopes: scopes, Expiries: expiries}
	if p.Made != nil {
		view.Made, view.Secret = p.Made.Name, p.Made.Secret
	}
	if p.Wrong != nil {
		view.Wrong = c.reason(*p.Wrong)
	}
	return c.draw(w, v, "keys", view)
}

func (c *Console) keyRow(k wire.Key) consoleKey {
	state := "active"
	if !k.Active {
		state = "expired"
	}
	if k.RevokedAt != nil {
		state = "revoked"
	}
	texts := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		texts[i] = string(s)
	}
	return consoleKey{k.ID, k.Name, strings.Join(texts, ", "), k.CreatedBy, at(k.CreatedAt), maybeAt(k.ExpiresAt), maybeAt(k.LastUsedAt),
		c.say("console.key." + state), k.Active, k.RevokedAt == nil}
}
