package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// row is one row of the wire contract. Its name begins with the section it comes from.
type row struct {
	name string
	test func(t *testing.T, in *instance)
}

// contract checks rows on every engine, side by side on one server.
func contract(t *testing.T, extra string, rows []row) {
	t.Helper()
	onEachEngine(t, extra, func(t *testing.T, in *instance) {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.test(t, in.on(t))
			})
		}
	})
}

// person is somebody who has signed up and in.
type person struct{ email, id, token, session string }

func (in *instance) person() person {
	in.t.Helper()
	p := person{email: testkit.Email()}
	p.id = in.register(p.email)
	p.token, p.session = in.login(p.email)
	return p
}

// refused checks an error answer: its status, its id in the body and in the header, its envelope.
func (a answer) refused(t *testing.T, status int, id string) answer {
	t.Helper()
	a.expect(t, status)
	e, _ := a.json(t, "error").(map[string]any)
	if e["id"] != id || a.header.Get("Ory-Error-Id") != id {
		t.Fatalf("id %v and header %q, want %s\n%s", e["id"], a.header.Get("Ory-Error-Id"), id, a.body)
	}
	if e["code"] != float64(status) || e["status"] == "" || e["message"] == nil || e["message"] == "" || e["reason"] == nil || e["reason"] == "" {
		t.Errorf("the envelope is not complete: %s", a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if !strings.HasSuffix(a.body, "\n") {
		t.Error("the body does not end with a newline")
	}
	return a
}

// empty checks an answer without a body.
func (a answer) empty(t *testing.T) answer {
	t.Helper()
	if a.body != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("a body %q of type %q where there has to be none", a.body, a.header.Get("Content-Type"))
	}
	return a
}

// emptyJSON checks an answer that has no body, and says all the same that it is JSON.
func (a answer) emptyJSON(t *testing.T) answer {
	t.Helper()
	if a.body != "" || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Content-Length") != "" {
		t.Errorf("a body %q with the header %v", a.body, a.header)
	}
	return a
}

// keys are the names in the object at a path, joined by spaces, in alphabetical order.
func (a answer) keys(t *testing.T, path string) string {
	t.Helper()
	v := a.json(t, path)
	if path == "" {
		var all map[string]any
		if err := json.Unmarshal([]byte(a.body), &all); err != nil {
			t.Fatalf("%v\n%s", err, a.body)
		}
		v = all
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object:\n%s", path, a.body)
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// has checks the names in the object at a path.
func (a answer) has(t *testing.T, path, want string) answer {
	t.Helper()
	if got := a.keys(t, path); got != want {
		t.Errorf("keys of %q\n got %s\nwant %s", path, got, want)
	}
	return a
}

// is checks the value at a path.
func (a answer) is(t *testing.T, path string, want any) answer {
	t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := a.json(t, path); got != want {
		t.Errorf("%s is %v, want %v\n%s", path, got, want, a.body)
	}
	return a
}

// list are the elements of the array that the answer is.
func (a answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal([]byte(a.body), &all); err != nil || all == nil {
		t.Fatalf("no array: %v\n%s", err, a.body)
	}
	return all
}

// next is the address of the following page, or "".
func (a answer) next(t *testing.T) string {
	t.Helper()
	for _, part := range strings.Split(a.header.Get("Link"), ",") {
		if address, ok := strings.CutSuffix(part, `>; rel="next"`); ok {
			return strings.TrimPrefix(address, "<")
		}
	}
	return ""
}

// messages are the ids of all messages of a flow: of the whole, and of its nodes as name=id.
func (a answer) messages(t *testing.T) string {
	t.Helper()
	type message struct {
		ID json.Number `json:"id"`
	}
	var f struct {
		UI struct {
			Messages []message `json:"messages"`
			Nodes    []struct {
				Attributes struct {
					Name string `json:"name"`
				} `json:"attributes"`
				Messages []message `json:"messages"`
			} `json:"nodes"`
		} `json:"ui"`
	}
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		t.Fatalf("%v\n%s", err, a.body)
	}
	var all []string
	for _, m := range f.UI.Messages {
		all = append(all, m.ID.String())
	}
	for _, n := range f.UI.Nodes {
		for _, m := range n.Messages {
			all = append(all, n.Attributes.Name+"="+m.ID.String())
		}
	}
	return strings.Join(all, " ")
}

// node is an input of a flow by its name, and of several the one with this value if it is not "".
func (a answer) node(t *testing.T, name, value string) map[string]any {
	t.Helper()
	nodes, _ := a.json(t, "ui.nodes").([]any)
	for _, n := range nodes {
		attributes := n.(map[string]any)["attributes"].(map[string]any)
		if attributes["name"] == name && (value == "" || attributes["value"] == value) {
			return n.(map[string]any)
		}
	}
	return nil
}

// names are the names and types of a flow's inputs, in their order.
func (a answer) names(t *testing.T) string {
	t.Helper()
	var all []string
	nodes, _ := a.json(t, "ui.nodes").([]any)
	for _, n := range nodes {
		attributes := n.(map[string]any)["attributes"].(map[string]any)
		all = append(all, attributes["name"].(string)+":"+attributes["type"].(string))
	}
	return strings.Join(all, " ")
}

type object = map[string]any

// create makes an identity as an administrator does.
func (in *instance) create(body any) answer {
	in.t.Helper()
	return in.call("POST", in.admin+"/admin/identities", body)
}

// clear is a password to import in clear text, hashed one that is a hash already.
func clear(password string) object {
	return object{"password": object{"config": object{"password": password}}}
}

func hashed(hash string) object {
	return object{"password": object{"config": object{"hashed_password": hash}}}
}

// begin starts a flow; query begins with ? or is "".
func (in *instance) begin(kind, query string, header ...string) answer {
	in.t.Helper()
	return in.call("GET", in.public+"/self-service/"+kind+"/api"+query, nil, header...)
}

// signIn submits a login flow with a password.
func (in *instance) signIn(flow answer, identifier, password string, header ...string) answer {
	in.t.Helper()
	return in.call("POST", flow.text(in.t, "ui.action"), object{"method": "password", "identifier": identifier, "password": password}, header...)
}

// signUp submits a registration flow with a password.
func (in *instance) signUp(flow answer, password string, traits any, header ...string) answer {
	in.t.Helper()
	return in.call("POST", flow.text(in.t, "ui.action"), object{"method": "password", "traits": traits, "password": password}, header...)
}
