package server

import (
	"encoding/json"
	"net/http"
	"strconv"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// paging describes how one list is paged.
type paging struct {
	list     string // part of the token, so that one list's token does not fit another
	most     int    // the largest page; larger requests get this
	least    int    // what a size below 1 means; zero is the usual size
	legacy   bool   // page and per_page are understood as well
	oneBased bool   // the first legacy page is 1, and 0 means the same
}

var (
	sessionPages         = paging{list: "sessions", most: 1000}
	identitySessionPages = paging{list: "identity_sessions", most: 1000, least: 1, legacy: true, oneBased: true}
	ownSessionPages      = paging{list: "own_sessions", most: 1000, least: 1, legacy: true, oneBased: true}
	identityPages        = paging{list: "identities", most: 500, legacy: true}
	schemaPages          = paging{list: "schemas", most: 500, least: 1, legacy: true}
)

const (
	defaultPage = 250
	maxSkipped  = 1000 // rows that a legacy page may skip; later ones are for page tokens
)

// page is what a request asks for.
type page struct {
	paging
	size     int
	number   int // legacy pages, counted from zero
	numbered bool
	offset   int
	after    cursor
}

// cursor is the last row of the page before. It travels in the page token.
type cursor struct {
	Created  int64  `json:"c,omitempty"` // microseconds
	ID       string `json:"i,omitempty"`
	Offset   int    `json:"o,omitempty"`
	Position int64  `json:"p,omitempty"` // in the log of events
}

var (
	errPageToken = fault.New(fault.Invalid, "page_token_invalid", "The page token is invalid, do not craft your own page tokens. Start again without one, and follow the Link header.")
	errPageSize  = fault.New(fault.Invalid, "page_size_invalid", "The page size is not a number; could not parse parameter page_size.")
	errPage      = fault.New(fault.Invalid, "page_invalid", "The page number cannot be used; follow the Link header with page_token instead.")
)

// readPage reads the paging parameters of a request.
func (s *Server) readPage(r *http.Request, how paging) (page, error) {
	q := r.URL.Query()
	p := page{paging: how, size: defaultPage}
	size := q.Get("page_size")
	if size == "" && how.legacy && !q.Has("page_token") {
		size = q.Get("per_page")
	}
	if size != "" {
		n, err := strconv.Atoi(size)
		if err != nil {
			return p, errPageSize
		}
		switch {
		case n > 0:
			p.size = min(n, how.most)
		case how.least > 0:
			p.size = how.least
		}
	}
	if token := q.Get("page_token"); token != "" {
		return p, s.openCursor(how.list, token, &p.after)
	}
	if how.legacy && q.Has("page") && !q.Has("page_size") && !q.Has("page_token") {
		return p, p.legacyPage(q.Get("page"))
	}
	return p, nil
}

func (p *page) legacyPage(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errPage
	}
	if p.oneBased {
		n--
	}
	p.number, p.numbered = max(n, 0), true
	if p.number > maxSkipped || p.number*p.size > maxSkipped {
		return errPage
	}
	p.offset = p.number * p.size
	return nil
}

// seal makes a page token: the cursor, so that nobody makes one up.
func (s *Server) seal(list string, c cursor) string {
	b, _ := json.Marshal(c) // numbers and a string cannot fail
	return seals(s.Keys).seal("page/"+list, b)
}

func (s *Server) openCursor(list, token string, into *cursor) error {
	b, ok := seals(s.Keys).open("page/"+list, token)
	if !ok || json.Unmarshal(b, into) != nil {
		return errPageToken
	}
	return nil
}

// next is what follows a page.
type next struct {
	more  bool
	after cursor
	total int // -1 when it was not counted
}

// link writes the Link header, and X-Total-Count when the rows were counted.
func (s *Server) link(w http.ResponseWriter, r *http.Request, p page, n next) {
	l := wire.Link{Path: r.URL.EscapedPath(), Query: r.URL.Query()}
	size := strconv.Itoa(p.size)
	if p.numbered {
		s.numberedLinks(&l, p, n, size)
	} else {
		l.Add("first", map[string]string{"page_size": size, "page_token": "", "after": ""})
		if n.more {
			l.Add("next", map[string]string{"page_size": size, "page_token": s.seal(p.list, n.after), "after": "", "last": ""})
		}
	}
	w.Header().Set("Link", l.String())
	if n.total >= 0 {
		w.Header().Set("X-Total-Count", strconv.Itoa(n.total))
	}
}

func (s *Server) numberedLinks(l *wire.Link, p page, n next, size string) {
	first := 0
	if p.oneBased {
		first = 1
	}
	add := func(rel string, number int) {
		l.Add(rel, map[string]string{"page": strconv.Itoa(number + first), "per_page": size})
	}
	last := max((n.total-1)/p.size, 0)
	add("first", 0)
	if p.number < last {
		add("next", p.number+1)
	}
	if p.number > 0 {
		add("prev", min(p.number-1, last))
	}
	add("last", last)
}
