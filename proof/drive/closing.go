package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"exeunt/proof/history"
)

// noteList records a list of one's own sessions.
func (c *client) noteList(o history.Op, q request) {
	at, to := c.node()
	k := q.with
	o.Session, o.Token, o.Node, o.Begin = k.session, k.number, at, time.Now().UnixMicro()
	a := c.send(to, q)
	if a.unheard {
		return
	}
	o.Status = a.status
	c.describe(&o, q, a)
	var rows []struct{ ID string }
	if o.Status == http.StatusOK && json.Unmarshal(a.body, &rows) == nil {
		for _, r := range rows {
			o.Shown = append(o.Shown, r.ID)
		}
	}
	c.History.Add(history.Entry{Op: &o}, func() { o.End = time.Now().UnixMicro() })
}

// Verify asks once more for everything that anybody holds, or held.
func (w *World) Verify(ctx context.Context) {
	c := w.client(ctx, 1<<20)
	for _, p := range w.people {
		for _, k := range p.everything() {
			c.whoami(p, k)
		}
	}
}

// Fault records what was done to the servers.
func (w *World) Fault(kind string, begun time.Time) {
	f := &history.Fault{Kind: kind, Begin: begun.UnixMicro()}
	w.History.Add(history.Entry{Fault: f}, func() { f.End = time.Now().UnixMicro() })
}

// Close writes down what the servers hold when everything is over. Sessions that ran out are still collected meanwhile: one whose
// end was not in its row, and is among the events that were read later, is looked at again.
func (w *World) Close(ctx context.Context) error {
	c := w.client(ctx, 1<<20+1)
	open, again := map[string]bool{}, []string{}
	err := c.pages("/admin/sessions?expand=identity&page_size=1000", func(raw json.RawMessage) error {
		r, err := c.row(raw)
		if err == nil && r.EndedAt == 0 {
			open[r.Session] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	err = c.pages("/admin/events?page_size=1000", func(raw json.RawMessage) error {
		e, err := c.event(raw)
		if err == nil && e.Kind == "session_ended" && open[e.Session] {
			again = append(again, e.Session)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range again {
		_, to := c.node()
		a := c.send(to, request{method: "GET", admin: true, path: "/admin/sessions/" + id + "?expand=identity"})
		if a.status != http.StatusOK {
			return fmt.Errorf("reading session %s again: %s", id, c.last)
		}
		if _, err := c.row(a.body); err != nil {
			return err
		}
	}
	return nil
}

// pages goes through a list until there is no more.
func (c *client) pages(path string, each func(json.RawMessage) error) error {
	for path != "" {
		_, to := c.node()
		a := c.send(to, request{method: "GET", admin: true, path: path})
		if a.status != http.StatusOK {
			return fmt.Errorf("reading what the server holds: %s", c.last)
		}
		var rows []json.RawMessage
		if err := json.Unmarshal(a.body, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			if err := each(r); err != nil {
				return err
			}
		}
		if path = next(a.header); len(rows) == 0 {
			return nil
		}
	}
	return nil
}

// next is the path of the next page.
func next(h http.Header) string {
	for _, link := range strings.Split(strings.Join(h["Link"], ","), ",") {
		address, rel, _ := strings.Cut(link, ">")
		if strings.Contains(rel, `rel="next"`) {
			u, err := url.Parse(strings.TrimLeft(address, " <"))
			if err != nil {
				return ""
			}
			return u.RequestURI()
		}
	}
	return ""
}

func (c *client) row(raw json.RawMessage) (*history.Row, error) {
	var s struct {
		ID       string
		Active   bool
		Expires  time.Time  `json:"expires_at"`
		EndedAt  *time.Time `json:"ended_at"`
		Reason   string     `json:"end_reason"`
		By       string     `json:"ended_by"`
		Identity struct{ ID string }
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	r := &history.Row{Session: s.ID, Person: s.Identity.ID, Active: s.Active, Expires: s.Expires.UnixMicro(), Reason: s.Reason, By: s.By}
	if s.EndedAt != nil {
		r.EndedAt = s.EndedAt.UnixMicro()
	}
	c.History.Add(history.Entry{Row: r}, func() { r.SeenAt = time.Now().UnixMicro() })
	return r, nil
}

func (c *client) event(raw json.RawMessage) (*history.Event, error) {
	var e struct {
		At       time.Time
		Kind     string
		Reason   string
		Actor    string
		Session  string `json:"session_id"`
		Identity string `json:"identity_id"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	noted := &history.Event{Kind: e.Kind, At: e.At.UnixMicro(), Session: e.Session, Person: e.Identity, Reason: e.Reason, Actor: e.Actor}
	c.History.Add(history.Entry{Event: noted}, nil)
	return noted, nil
}
