package tunnel

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// standIn is a path of exeunt's under which it always lets people return, as it does for all of /self-service. The tunnel
// puts it in the place of its own origin when it asks, and takes it off again, so that exeunt needs to know of no tunnel.
const standIn = "/self-service/.tunnel"

// names turns addresses on either side of the tunnel into those of the other.
type names struct {
	own    string   // the tunnel
	server string   // exeunt
	back   []swap   // in answers: what becomes of an address that begins so; the longest first
	away   []string // origins in return_to that stand for the application
}

type swap struct{ from, to string }

func newNames(own, server *url.URL, apps []*url.URL) names {
	n := names{own: own.String(), server: server.String(), away: []string{own.String()}}
	for _, s := range aliases(server) {
		n.back = append(n.back, swap{s + standIn, n.own}, swap{s, n.own})
	}
	for _, app := range apps {
		for _, a := range aliases(app) {
			n.back, n.away = append(n.back, swap{a, n.own}), append(n.away, a)
		}
	}
	return n
}

// aliases are the names under which an address may be written: this machine has several.
func aliases(u *url.URL) []string {
	all := []string{u.String()}
	if !loopback(u.Hostname()) {
		return all
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		other := *u
		other.Host = host
		if u.Port() != "" {
			other.Host += ":" + u.Port()
		}
		if text := other.String(); text != all[0] {
			all = append(all, text)
		}
	}
	return all
}

// below is the rest of an address that is a base address or lies below it.
func below(address, base string) (string, bool) {
	if len(address) < len(base) || !strings.EqualFold(address[:len(base)], base) {
		return "", false
	}
	rest := address[len(base):]
	return rest, rest == "" || strings.ContainsRune("/?#", rune(rest[0]))
}

// shown is an address as it is for the browser.
func (n names) shown(address string) string {
	for _, s := range n.back {
		if rest, ok := below(address, s.from); ok {
			return s.to + rest
		}
	}
	return address
}

// returning is an address to return to as exeunt allows it. What is none of the application's stays as it is.
func (n names) returning(address string) string {
	for _, origin := range n.away {
		rest, ok := below(address, origin)
		if !ok {
			continue
		}
		u, err := url.Parse(n.own + rest)
		if err != nil {
			return address
		}
		u = u.ResolveReference(u) // which leaves no dot segments
		return n.server + standIn + "/" + strings.TrimLeft(strings.TrimPrefix(u.String(), n.own), "/")
	}
	return address
}

// seenBy is an Origin or Referer of the tunnel as whoever is asked expects it; another's stays.
func (n names) seenBy(to *url.URL, value string, origin bool) string {
	rest, ok := below(value, n.own)
	switch {
	case !ok:
		return value
	case origin:
		return to.Scheme + "://" + to.Host
	}
	return to.String() + rest
}

// query rewrites return_to in a query, and leaves the rest byte for byte.
func (n names) query(raw string) string {
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); !ok || err != nil || plain != "return_to" {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil && n.returning(plain) != plain {
			parts[i] = name + "=" + url.QueryEscape(n.returning(plain))
		}
	}
	return strings.Join(parts, "&")
}

const maxRequest = 1 << 20 // bytes of a body that is looked into; exeunt takes none that is larger

// body rewrites return_to in the form or JSON of a request. A body that is too large, or none, goes on as it is.
func (n names) body(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength > maxRequest {
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" && kind != "application/x-www-form-urlencoded" {
		return
	}
	read, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(read) > maxRequest {
		r.Body = rest{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
		return
	}
	if kind == "application/json" {
		read = n.rewritten(read, n.returning, "return_to")
	} else {
		read = []byte(n.query(string(read)))
	}
	r.Body.Close()
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(read)), int64(len(read)), nil
	r.Header.Set("Content-Length", strconv.Itoa(len(read)))
}

// rest is a body of which a part has been read.
type rest struct {
	io.Reader
	io.Closer
}

// addressKeys are the keys of exeunt's answers that hold addresses; traits and what people have typed are none of them.
var addressKeys = []string{"action", "redirect_browser_to", "redirect_to", "logout_url", "return_to", "request_url", "href", "src", "url", "schema_url"}

// foreignKeys hold what is others' and is passed on as it is.
var foreignKeys = map[string]bool{"traits": true, "metadata_public": true, "metadata_admin": true, "value": true, "schema": true}

// rewritten changes the texts behind some keys of a JSON document and nothing else of it. What is no JSON stays.
func (n names) rewritten(doc []byte, change func(string) string, keys ...string) []byte {
	w := walk{dec: json.NewDecoder(bytes.NewReader(doc)), doc: doc, change: change, keys: map[string]bool{}}
	for _, k := range keys {
		w.keys[k] = true
	}
	if w.value("") != nil {
		return doc
	}
	return append(w.out, doc[w.copied:]...)
}

// walk goes through a document once, token by token.
type walk struct {
	dec    *json.Decoder
	doc    []byte
	change func(string) string
	keys   map[string]bool
	out    []byte
	copied int // bytes of doc that are in out

	foreign, depth int // how far inside of what is others', and of anything
}

const maxDepth = 64

func (w *walk) value(key string) error {
	before := w.dec.InputOffset()
	token, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case string:
		w.text(key, v, before)
	case json.Delim:
		if w.depth++; w.depth > maxDepth {
			return io.ErrUnexpectedEOF
		}
		if foreignKeys[key] {
			w.foreign++
			defer func() { w.foreign-- }()
		}
		defer func() { w.depth-- }()
		return w.inside(key, v == '{')
	}
	return nil
}

// inside reads the members of an object or array, and its end.
func (w *walk) inside(key string, object bool) error {
	for w.dec.More() {
		name := key
		if object {
			token, err := w.dec.Token()
			if err != nil {
				return err
			}
			name, _ = token.(string)
		}
		if err := w.value(name); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

func (w *walk) text(key, v string, before int64) {
	if w.foreign > 0 || !w.keys[key] {
		return
	}
	next := w.change(v)
	if next == v {
		return
	}
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(next) // a text can always be encoded
	end := int(w.dec.InputOffset())
	start := int(before) + bytes.IndexByte(w.doc[before:end], '"') // behind a colon or comma, and spaces
	w.out = append(append(w.out, w.doc[w.copied:start]...), bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
	w.copied = end
}
