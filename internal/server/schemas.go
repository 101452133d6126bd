package server

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// listSchemas shows all schemas, a page at a time.
func (s *Server) listSchemas(w http.ResponseWriter, r *http.Request) error {
	page, err := s.readPage(r, schemaPages)
	if err != nil {
		return err
	}
	all := s.Schemas.All()
	from := min(page.offset+page.after.Offset, len(all))
	to := min(from+page.size, len(all))
	shown := make([]wire.Schema, 0, to-from)
	for _, schema := range all[from:to] {
		shown = append(shown, wire.Schema{ID: schema.ID, Schema: schema.Raw})
	}
	s.link(w, r, page, next{after: cursor{Offset: to}, more: to < len(all), total: len(all)})
	return reply(w, http.StatusOK, shown)
}

// schema shows one schema byte for byte, by its id or by the id in base64url, as schema_url has it.
func (s *Server) schema(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	found, err := s.Schemas.Find(id)
	if err != nil {
		if plain, bad := base64.RawURLEncoding.DecodeString(id); bad == nil {
			found, err = s.Schemas.Find(string(plain))
		}
	}
	if err != nil {
		return fault.New(fault.NotFound, "identity_schema_unknown", "There is no identity schema with the id "+strconv.Quote(shorten(id))+".")
	}
	replyBytes(w, http.StatusOK, found.Raw)
	return nil
}
