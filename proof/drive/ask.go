package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"exeunt/proof/history"
)

// request is what a client sends.
type request struct {
	method string
	admin  bool
	path   string
	body   any    // sent as JSON
	form   string // sent as a form, if there is no body
	header []string
	with   *credential
	bearer bool
}

// answer is what came back; the status is zero when nothing did.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	json    map[string]any
	unheard bool // nobody listened: it was not even sent
}

// send asks one node.
func (c *client) send(to *Node, q request) (a answer) {
	req, err := c.build(to, q)
	if err != nil {
		panic(err) // every address is made here
	}
	// A request whose connection breaks may be sent once more by itself, and then find nobody: it was heard nevertheless.
	heard := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { heard = true }}
	resp, err := c.http.Do(req.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
	if err != nil {
		a.unheard = !heard
		c.last = err.Error()
		return a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	c.last = resp.Status + " " + string(body)
	if proxied(resp) {
		return answer{}
	}
	a = answer{status: resp.StatusCode, header: resp.Header, body: body}
	_ = json.Unmarshal(body, &a.json) // lists and pages are none
	return a
}

// proxied reports whether an answer comes from a proxy that got none from the server: what became of the request is
// unknown then.
func proxied(r *http.Response) bool {
	return strings.HasPrefix(r.Header.Get("Server"), "nginx") && r.StatusCode >= 500 && r.Header.Get("Content-Type") != "application/json"
}

func (c *client) build(to *Node, q request) (*http.Request, error) {
	base := to.Public
	if q.admin {
		base = to.Admin
	}
	var body io.Reader
	kind := ""
	switch {
	case q.body != nil:
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(b), "application/json"
	case q.form != "":
		body, kind = strings.NewReader(q.form), "application/x-www-form-urlencoded"
	}
	req, err := http.NewRequest(q.method, base+q.path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		req.Header.Set(q.header[i], q.header[i+1])
	}
	c.identify(req, q)
	return req, nil
}

func (c *client) identify(req *http.Request, q request) {
	switch k := q.with; {
	case k == nil:
	case k.browser:
		req.Header.Add("Cookie", "ory_kratos_session="+k.secret)
	case q.bearer:
		req.Header.Set("Authorization", "Bearer "+k.secret)
	default:
		req.Header.Set("X-Session-Token", k.secret)
	}
}

// note sends a request and records it as an operation. A request that nobody heard is none, and is reported as nil.
func (c *client) note(o history.Op, q request) (*history.Op, answer) {
	at, node := c.node()
	return c.noteAt(at, node, o, q)
}

func (c *client) noteAt(at int, node *Node, o history.Op, q request) (*history.Op, answer) {
	if k := q.with; k != nil {
		o.Person, o.Session, o.Token = k.person, k.session, k.number
	}
	o.Node, o.Begin = at, time.Now().UnixMicro()
	a := c.send(node, q)
	if a.unheard {
		return nil, a
	}
	o.Status = a.status
	c.describe(&o, q, a)
	c.History.Add(history.Entry{Op: &o}, func() { o.End = time.Now().UnixMicro() })
	return &o, a
}

// describe keeps of an answer what a judge needs.
func (c *client) describe(o *history.Op, q request, a answer) {
	if a.status >= 300 && a.status < 400 {
		o.Location = a.header.Get("Location")
	}
	if at := strings.IndexByte(o.Location, '?'); at >= 0 {
		o.Location = o.Location[:at]
	}
	if len(a.json) > 0 {
		o.Fields = strings.Join(slices.Sorted(maps.Keys(a.json)), " ")
	}
	o.Error = text(a.json, "error", "id")
	o.Leaks = a.status >= 400 && q.with != nil && bytes.Contains(a.body, []byte(q.with.secret))
	s := a.json
	if inner, ok := s["session"].(map[string]any); ok {
		s = inner
	}
	if o.Hostile == "" && text(s, "expires_at") != "" && text(s, "authenticated_at") != "" {
		o.Shown, o.Shows = []string{text(s, "id")}, text(s, "identity", "id")
		if at, err := time.Parse(time.RFC3339Nano, text(s, "expires_at")); err == nil {
			o.Expires = at.UnixMicro()
		}
	}
	if token := text(a.json, "session_token"); token != "" {
		o.NewToken = c.number(token)
	}
	if o.NewToken != 0 || a.json["session"] != nil {
		o.NewID = text(s, "id")
	}
}

// number counts a new secret and remembers it for the search.
func (c *client) number(secret string) int {
	c.secrets.add(secret)
	return int(c.tokens.Add(1))
}

// text reads a text out of JSON.
func text(v map[string]any, path ...string) string {
	for _, key := range path[:len(path)-1] {
		v, _ = v[key].(map[string]any)
	}
	s, _ := v[path[len(path)-1]].(string)
	return s
}
