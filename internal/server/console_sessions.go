package server

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"exeunt/internal/session"
	"exeunt/internal/ui"
)

// consoleEndSessions does what the forms of lists of sessions ask for: extend one, or end one, those that were chosen, or
// all that fit. Before it ends any, it asks.
func (s *Server) consoleEndSessions(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	f := readFinding(r.URL.Query())
	back := "sessions?" + f.query().Encode()
	if one := text(form, "extend", ""); one != "" {
		return s.consoleExtend(w, r, v, one, back)
	}
	if text(form, "confirmed", "") == "yes" {
		return s.consoleEndNow(w, r, v, form, back)
	}
	ids, more, err := s.chosen(r.Context(), f, form)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return s.toConsole(w, r, back+"&"+s.saying(v, "nothing", 0))
	}
	page := ui.ConfirmPage{What: "sessions", Count: len(ids), More: more, Action: "sessions/end?" + f.query().Encode(), Back: back,
		Hidden: []ui.Hidden{{Name: "ids", Value: pack(ids)}}}
	if page.List, err = s.namesOf(r.Context(), ids); err != nil {
		return err
	}
	return s.askOnce(w, r, v, "sessions", page)
}

func (s *Server) askOnce(w http.ResponseWriter, r *http.Request, v *visit, at string, page ui.ConfirmPage) error {
	seen := s.seen(v, at, r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Confirm(w, seen, page) })
}

func (s *Server) consoleExtend(w http.ResponseWriter, r *http.Request, v *visit, one, back string) error {
	id, err := session.ParseID(one)
	if err != nil {
		return err
	}
	said := "extended"
	err = s.Sessions.Extend(r.Context(), id)
	switch {
	case errors.Is(err, session.ErrNotExtendable):
		said = "unextended"
	case err != nil:
		return err
	default:
		note(w, "session_extended", id.String())
	}
	return s.toConsole(w, r, back+"&"+s.saying(v, said, 0))
}

// consoleEndNow ends exactly those that the question named.
func (s *Server) consoleEndNow(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any, back string) error {
	ids, err := unpack(text(form, "ids", ""))
	if err != nil {
		return err
	}
	ended, err := s.Sessions.RevokeAll(r.Context(), session.Scope{IDs: ids})
	if err != nil {
		return err
	}
	note(w, "sessions_ended", ended.Count)
	return s.toConsole(w, r, back+"&"+s.saying(v, "ended", ended.Count))
}

// chosen is which sessions a form names.
func (s *Server) chosen(ctx context.Context, f finding, form map[string]any) (ids []session.ID, more bool, err error) {
	if text(form, "all", "") != "" {
		return s.allThatFit(ctx, f)
	}
	names := []string{}
	if one := text(form, "one", ""); one != "" {
		names = append(names, one)
	} else {
		for name := range form {
			if id, ok := strings.CutPrefix(name, "session."); ok {
				names = append(names, id)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		id, err := session.ParseID(name)
		if err != nil || len(ids) == maxSelected {
			return nil, false, errSelection
		}
		ids = append(ids, id)
	}
	return ids, false, nil
}

// allThatFit is the live sessions that a search finds, up to a bound of what is ended and of what is looked at.
func (s *Server) allThatFit(ctx context.Context, f finding) (ids []session.ID, more bool, err error) {
	q, one, none, err := s.search(ctx, f)
	if err != nil || none {
		return nil, false, err
	}
	if one != nil {
		return []session.ID{one.ID}, false, nil
	}
	if q.State == session.Over {
		return nil, false, nil
	}
	q.State, q.Limit = session.Running, maxSelected
	for range selectionScans {
		found, err := s.Sessions.Search(ctx, q)
		if err != nil {
			return nil, false, err
		}
		for _, x := range found.Sessions {
			if len(ids) == maxSelected {
				return ids, true, nil
			}
			ids = append(ids, x.ID)
		}
		if more = found.More; !more || len(ids) == maxSelected {
			return ids, more, nil
		}
		q.AfterCreated, q.AfterID = found.AfterCreated, found.AfterID
	}
	return ids, more, nil
}

const namedInQuestion = 10 // sessions that a question names; the rest are counted

// namesOf is whose sessions are about to end.
func (s *Server) namesOf(ctx context.Context, ids []session.ID) ([]string, error) {
	ids = ids[:min(len(ids), namedInQuestion)]
	names := make([]string, len(ids))
	for i, id := range ids {
		found, err := s.Sessions.Find(ctx, id)
		if errors.Is(err, session.ErrNotFound) {
			names[i] = id.String()
			continue
		}
		if err != nil {
			return nil, err
		}
		names[i] = ui.Describe(s.View.FromSession(found, s.Sessions.Moment(), everything))
	}
	return names, nil
}

// pack and unpack write ids into one field of a form.
func pack(ids []session.ID) string {
	b := make([]byte, 0, len(ids)*len(session.ID{}))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func unpack(text string) (ids []session.ID, err error) {
	size := len(session.ID{})
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || len(b)%size != 0 || len(b) > maxSelected*size {
		return nil, errSelection
	}
	for chunk := range slices.Chunk(b, size) {
		ids = append(ids, session.ID(chunk))
	}
	return ids, nil
}
