package server

import (
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/wire"
)

var errFilters = fault.New(fault.Invalid, "filters_combined", "You cannot combine multiple filters in this API")

const maxFilterIDs = 500

// listIdentities lists identities by id.
func (s *Server) listIdentities(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readPage(r, identityPages)
	if err != nil {
		return err
	}
	f, parts, err := readIdentityFilter(r)
	if err != nil {
		return err
	}
	f.After, f.Offset, f.Limit, f.WithCredentials = p.after.ID, p.offset, p.size+1, parts.Credentials
	all, err := s.Identities.Store.ListIdentities(r.Context(), f)
	if err != nil {
		return err
	}
	n := next{total: -1}
	if p.numbered {
		if n.total, err = s.Identities.Store.CountIdentities(r.Context(), f); err != nil {
			return err
		}
	}
	if len(all) > p.size {
		all = all[:p.size]
		n.more, n.after = true, cursor{ID: all[p.size-1].ID.String()}
	}
	s.link(w, r, p, n)
	shown := make([]wire.Identity, len(all))
	for i, one := range all {
		shown[i] = s.View.FromIdentity(one, parts)
	}
	return reply(w, http.StatusOK, shown)
}

// readIdentityFilter reads which identities are wanted, and what of them.
func readIdentityFilter(r *http.Request) (identity.Filter, wire.IdentityParts, error) {
	q := r.URL.Query()
	f, parts := identity.Filter{}, wire.IdentityParts{Admin: true}
	var err error
	if parts.Configs, err = readConfigs(r); err != nil {
		return f, parts, err
	}
	used := 0
	if ids := q["ids"]; len(ids) > 0 {
		used++
		if f.IDs, err = readIDs(ids); err != nil {
			return f, parts, err
		}
	}
	if v := q.Get("credentials_identifier"); v != "" {
		f.Identifier, parts.Credentials = identity.FoldIdentifier(clean(v, 1024)), true
		used++
	}
	if v := q.Get("preview_credentials_identifier_similar"); v != "" {
		f.IdentifierPrefix, parts.Credentials = identity.FoldIdentifier(clean(v, 1024)), true
		used++
	}
	if v := q.Get("organization_id"); v != "" {
		id, err := identity.ParseID(v)
		if err != nil {
			return f, parts, fault.New(fault.Invalid, "bad_uuid", "The organization_id parameter is not a UUID.")
		}
		f.Organization = id.String()
		used++
	}
	if used > 1 {
		return f, parts, errFilters
	}
	parts.Credentials = parts.Credentials || len(parts.Configs) > 0
	return f, parts, nil
}

func readIDs(texts []string) ([]identity.ID, error) {
	if len(texts) > maxFilterIDs {
		return nil, fault.Invalidf("too_many_ids", "At most %d ids fit in one request.", maxFilterIDs)
	}
	ids := make([]identity.ID, len(texts))
	for i, text := range texts {
		id, err := identity.ParseID(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "bad_uuid", "One of the ids is not a UUID.")
		}
		ids[i] = id
	}
	return ids, nil
}
