package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// factors offers both second factors.
const factors = `
selfservice:
  methods: {totp: {enabled: true, config: {issuer: The House}}, lookup_secret: {enabled: true}}
`

// codes is an authenticator app: each code it shows is of another step of 30 seconds, as a code counts once.
type codes struct {
	secret string
	shown  map[int64]bool // by step
}

// next is a code that was not shown before. Three are accepted at any time; that of the step before comes last, as it is none of
// them any more once the next step begins.
func (c *codes) next(t *testing.T) string {
	t.Helper()
	now := time.Now().Unix() / 30
	for _, step := range []int64{now, now + 1, now - 1} {
		if c.shown[step] {
			continue
		}
		if c.shown == nil {
			c.shown = map[int64]bool{}
		}
		c.shown[step] = true
		code, err := totp.GenerateCode(c.secret, time.Unix(step*30, 0))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	t.Fatal("an app shows three codes that are accepted at one time, and all were used")
	return ""
}

// attribute is a node of a flow by the id of its attributes: a picture or a text.
func (a answer) attribute(t *testing.T, id string) map[string]any {
	t.Helper()
	nodes, _ := a.json(t, "ui.nodes").([]any)
	for _, n := range nodes {
		if attributes := n.(map[string]any)["attributes"].(map[string]any); attributes["id"] == id {
			return n.(map[string]any)
		}
	}
	return nil
}

// secret is the text of the secret that a settings flow offers.
func (a answer) secret(t *testing.T) string {
	t.Helper()
	n := a.attribute(t, "totp_secret_key")
	if n == nil {
		t.Fatalf("no secret is offered:\n%s", a.body)
	}
	return n["attributes"].(map[string]any)["text"].(map[string]any)["context"].(map[string]any)["secret"].(string)
}

// group are the names, or ids, of the nodes of a group.
func (a answer) group(t *testing.T, name string) string {
	t.Helper()
	var all []string
	nodes, _ := a.json(t, "ui.nodes").([]any)
	for _, n := range nodes {
		node := n.(map[string]any)
		attributes := node["attributes"].(map[string]any)
		if node["group"] != name {
			continue
		}
		if id, ok := attributes["id"].(string); ok {
			all = append(all, id)
		} else {
			all = append(all, attributes["name"].(string))
		}
	}
	return strings.Join(all, " ")
}

// as is the header of a token.
func as(token string) []string { return []string{"X-Session-Token", token} }

// settle submits settings of a native client, and takes the new token if there is one.
func (in *instance) settle(f answer, token *string, body object) answer {
	in.t.Helper()
	a := in.call("POST", in.act(f), body, as(*token)...)
	if a.status == 200 {
		if fresh := a.text(in.t, "continue_with.0.ory_session_token"); fresh != "" {
			*token = fresh
		}
	}
	return a
}

// enrol sets an authenticator app up for a person who is signed in by a token.
func (in *instance) enrol(p *person) *codes {
	in.t.Helper()
	f := in.begin("settings", "", as(p.token)...).expect(in.t, 200)
	app := &codes{secret: f.secret(in.t)}
	in.settle(f, &p.token, object{"method": "totp", "totp_code": app.next(in.t)}).expect(in.t, 200)
	return app
}

// lookups sets recovery codes up.
func (in *instance) lookups(p *person) []string {
	in.t.Helper()
	f := in.begin("settings", "", as(p.token)...).expect(in.t, 200)
	list := in.settle(f, &p.token, object{"lookup_secret_regenerate": true}).expect(in.t, 200).listed(in.t)
	in.settle(f, &p.token, object{"lookup_secret_confirm": true}).expect(in.t, 200)
	return list
}

// listed are the recovery codes that a flow shows.
func (a answer) listed(t *testing.T) []string {
	t.Helper()
	n := a.attribute(t, "lookup_secret_codes")
	if n == nil {
		t.Fatalf("no codes are shown:\n%s", a.body)
	}
	return strings.Split(n["attributes"].(map[string]any)["text"].(map[string]any)["text"].(string), ", ")
}

// stepUp submits a second factor of a native client.
func (in *instance) stepUp(token string, body object) answer {
	in.t.Helper()
	f := in.begin("login", "?aal=aal2", as(token)...).expect(in.t, 200)
	return in.call("POST", in.act(f), body, as(token)...)
}
