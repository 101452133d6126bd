package tunnel

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// fromApp passes on what the application answers: its body as it is, and as it comes.
func (t *Tunnel) fromApp(r *http.Response) error {
	firstParty(r.Header, "")
	t.headers(r.Header)
	return nil
}

// fromServer passes on what exeunt answers, with the addresses in it made the tunnel's.
func (t *Tunnel) fromServer(r *http.Response) error {
	firstParty(r.Header, t.server.Path)
	t.headers(r.Header)
	h := r.Header
	h.Del("Strict-Transport-Security") // the tunnel speaks http
	if policy := h.Get("Content-Security-Policy"); policy != "" {
		h.Set("Content-Security-Policy", strings.ReplaceAll(policy, t.server.Scheme+"://"+t.server.Host, t.names.own))
	}
	if r.StatusCode == http.StatusSwitchingProtocols || r.Request.Method == http.MethodHead || h.Get("Content-Encoding") != "" {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch kind {
	case "application/json":
		return rewrite(r, func(b []byte) []byte { return t.names.rewritten(b, t.names.shown, addressKeys...) })
	case "text/html":
		return rewrite(r, t.names.page)
	}
	return nil
}

// headers rewrites the headers that hold addresses.
func (t *Tunnel) headers(h http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		if v := h.Get(name); v != "" {
			h.Set(name, t.names.shown(v))
		}
	}
	for i, line := range h["Link"] {
		h["Link"][i] = t.names.inside(line, "<")
	}
	if v := h.Get("Refresh"); v != "" {
		h.Set("Refresh", t.names.inside(v, "url="))
	}
}

// page rewrites the addresses in the attributes of a page of exeunt's.
func (n names) page(b []byte) []byte { return []byte(n.inside(string(b), `"`)) }

// inside rewrites addresses that stand behind some text.
func (n names) inside(text, before string) string {
	var out strings.Builder
	for {
		head, tail, found := strings.Cut(text, before)
		out.WriteString(head)
		if !found {
			return out.String()
		}
		out.WriteString(before)
		end := strings.IndexAny(tail, `"<>' `)
		if end < 0 {
			end = len(tail)
		}
		out.WriteString(n.shown(tail[:end]))
		text = tail[end:]
	}
}

const maxAnswer = 16 << 20 // bytes of an answer of the API that is looked through

var errLongAnswer = errors.New("its answer is longer than any of the API's")

// rewrite changes the body of an answer.
func rewrite(r *http.Response, change func([]byte) []byte) error {
	read, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		return err
	}
	if len(read) > maxAnswer {
		return errLongAnswer
	}
	r.Body.Close()
	read = change(read)
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(read)), int64(len(read)), nil
	r.Header.Set("Content-Length", strconv.Itoa(len(read)))
	return nil
}
