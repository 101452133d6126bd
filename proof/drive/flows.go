package drive

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"exeunt/proof/history"
)

// object is a JSON object.
type object = map[string]any

// begin makes a flow and returns where it is submitted, or "".
func (c *client) begin(to *Node, path string, k *credential) (action string, f answer) {
	f = c.send(to, request{method: "GET", path: path, with: k, header: []string{"Accept", "application/json"}})
	if f.status != http.StatusOK {
		return "", f
	}
	_, action, ok := strings.Cut(text(f.json, "ui", "action"), "/self-service/")
	if !ok {
		return "", f
	}
	return "/self-service/" + action, f
}

func (c *client) create(p *person) {
	email := strings.ToLower(rand.Text()) + "@example.org"
	password := "heron " + rand.Text()
	o, a := c.note(history.Op{Kind: history.Create}, request{method: "POST", admin: true, path: "/admin/identities", body: object{
		"schema_id": "default", "traits": object{"email": email},
		"credentials": object{"password": object{"config": object{"password": password}}},
	}})
	if o != nil && o.Status == http.StatusCreated {
		c.secrets.add(password)
		p.begins(text(a.json, "id"), email, password)
	}
}

func (c *client) signIn(p *person) {
	at, to := c.node()
	action, _ := c.begin(to, "/self-service/login/api", nil)
	if action == "" {
		return
	}
	id, email, password := p.account()
	o, a := c.noteAt(at, to, history.Op{Kind: history.SignIn, Person: id, Way: "native"},
		request{method: "POST", path: action, body: object{"method": "password", "identifier": email, "password": password}})
	if o != nil && o.Status == http.StatusOK {
		p.keep(&credential{number: o.NewToken, secret: text(a.json, "session_token"), session: o.NewID, person: id})
	}
}

// signInByBrowser signs in with a form and script; the token comes as a cookie.
func (c *client) signInByBrowser(p *person) {
	at, to := c.node()
	action, f := c.begin(to, "/self-service/login/browser", nil)
	if action == "" {
		return
	}
	id, email, password := p.account()
	csrf := cookies(f.header, "csrf_token_")
	k := &credential{browser: true, person: id}
	o := history.Op{Kind: history.SignIn, Person: id, Way: "browser"}
	q := request{method: "POST", path: action, header: []string{"Accept", "application/json", "Cookie", csrf},
		body: object{"method": "password", "identifier": email, "password": password, "csrf_token": antiForgery(f)}}
	done, a := c.noteAt(at, to, o, q)
	if done == nil || done.Status != http.StatusOK {
		return
	}
	_, value, _ := strings.Cut(cookies(a.header, "ory_kratos_session"), "=")
	token, _, _ := strings.Cut(value, ".")
	k.secret, k.session, k.number = value, done.NewID, c.number(token)
	p.keep(k)
}

// cookies are those of an answer whose names begin so, as a Cookie header.
func cookies(h http.Header, prefix string) string {
	for _, k := range (&http.Response{Header: h}).Cookies() {
		if strings.HasPrefix(k.Name, prefix) && k.MaxAge >= 0 {
			return k.Name + "=" + k.Value
		}
	}
	return ""
}

func antiForgery(f answer) string {
	ui, _ := f.json["ui"].(object)
	nodes, _ := ui["nodes"].([]any)
	for _, n := range nodes {
		node, _ := n.(object)
		if text(node, "attributes", "name") == "csrf_token" {
			return text(node, "attributes", "value")
		}
	}
	return ""
}

// refresh authenticates again in a session, which then has another token. With a token that counts no more it begins
// another session.
func (c *client) refresh(p *person, k *credential) {
	at, to := c.node()
	action, _ := c.begin(to, "/self-service/login/api?refresh=true", k)
	if action == "" {
		return
	}
	id, email, password := p.account()
	if id != k.person {
		return
	}
	o, a := c.noteAt(at, to, history.Op{Kind: history.Refresh},
		request{method: "POST", path: action, with: k, body: object{"method": "password", "identifier": email, "password": password}})
	if o == nil || o.Status != http.StatusOK || o.NewToken == 0 {
		return
	}
	p.drop(k)
	p.keep(&credential{number: o.NewToken, secret: text(a.json, "session_token"), session: o.NewID, person: id})
}

// change gives the person another password, and ends all sessions but the one that asks for it.
func (c *client) change(p *person, k *credential) {
	at, to := c.node()
	action, _ := c.begin(to, "/self-service/settings/api", k)
	if action == "" {
		return
	}
	next := "heron " + rand.Text()
	o, a := c.noteAt(at, to, history.Op{Kind: history.Password},
		request{method: "POST", path: action, with: k, body: object{"method": "password", "password": next}})
	if o == nil || o.Status != http.StatusOK {
		return
	}
	c.secrets.add(next)
	p.changed(k.person, next)
	for _, entry := range list(a.json["continue_with"]) {
		if token := text(entry, "ory_session_token"); token != "" {
			p.drop(k)
			p.keep(&credential{number: c.number(token), secret: token, session: k.session, person: k.person})
		}
	}
}

func list(v any) (all []object) {
	entries, _ := v.([]any)
	for _, e := range entries {
		if o, ok := e.(object); ok {
			all = append(all, o)
		}
	}
	return all
}

// beginLogout fetches the logout token of a session, if there is none yet.
func (c *client) beginLogout(p *person, k *credential) string {
	if token := p.logoutOf(k); token != "" {
		return token
	}
	_, a := c.note(history.Op{Kind: history.LogoutBegin},
		request{method: "GET", path: "/self-service/logout/browser", with: k, header: []string{"Accept", "application/json"}})
	token := text(a.json, "logout_token")
	if token != "" {
		c.secrets.add(token)
		p.remember(k, token)
	}
	return token
}

func query(token string) string { return "?token=" + url.QueryEscape(token) }
