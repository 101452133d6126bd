package tunnel

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

func taken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// down says which of the two does not answer.
func (t *Tunnel) down(w http.ResponseWriter, r *http.Request, name string, at *url.URL, err error) {
	if errors.Is(err, context.Canceled) {
		return // nobody is there to read it
	}
	id, advice := "tunnel_app_down", "Start it, or name another address when you start the tunnel."
	if at == t.server {
		id, advice = "tunnel_exeunt_down", "Start it with `exeunt serve`, or say with --server where it is."
	}
	refuse(w, r, http.StatusBadGateway, id, "The tunnel gets no answer from "+name+" at "+at.String()+": "+err.Error()+". "+advice)
}

var refusal = template.Must(template.New("refusal").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{{.Title}}</title>
<body style="font-family: system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>{{.Title}}</h1><p>{{.Reason}}</p><p><small>exeunt tunnel: {{.ID}}</small></p></body></html>
`))

// refuse answers in the tunnel's own name: with a page for who looks at it, else in the shape of exeunt's errors.
func refuse(w http.ResponseWriter, r *http.Request, status int, id, reason string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	title := http.StatusText(status)
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.WriteHeader(status)
		_ = refusal.Execute(w, map[string]string{"Title": title, "Reason": reason, "ID": id}) // who is gone needs no page
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"id": id, "code": status, "status": title, "reason": reason, "message": reason}}) // as above
}
