package wire

import (
	"maps"
	"net/url"
	"strings"
)

// Link builds a Link header (RFC 8288) with relative addresses. Query parameters of the request are kept; keys are sorted.
type Link struct {
	Path  string
	Query url.Values
	parts []string
}

// Add appends a relation with changed query parameters; an empty value removes its parameter.
func (l *Link) Add(rel string, changed map[string]string) {
	q := maps.Clone(l.Query)
	if q == nil {
		q = url.Values{}
	}
	for k, v := range changed {
		if v == "" {
			q.Del(k)
			continue
		}
		q.Set(k, v)
	}
	l.parts = append(l.parts, "<"+l.Path+"?"+q.Encode()+`>; rel="`+rel+`"`)
}

// String returns the value of the header.
func (l *Link) String() string { return strings.Join(l.parts, ",") }
