package server

import (
	"context"
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/wire"
)

const (
	maxBatch       = 1000
	maxBatchHashes = 200 // passwords in clear text; each costs a hash
)

var errBatch = fault.New(fault.Invalid, "batch_invalid", "The batch cannot be carried out.")

// batchIdentities creates many identities, each by itself: one that fails does not keep the others back.
func (s *Server) batchIdentities(w http.ResponseWriter, r *http.Request) error {
	var body wire.Batch
	if err := readJSON(w, r, maxAdminBody, &body, false); err != nil {
		return err
	}
	b := &batch{results: make([]*wire.BatchResult, len(body.Identities))}
	if err := b.read(&body); err != nil {
		return err
	}
	for _, d := range b.drafts {
		if err := mayTouch(w, d.MetadataAdmin); err != nil {
			return err
		}
	}
	if err := b.build(r.Context(), s.Identities); err != nil {
		return err
	}
	if err := b.store(r.Context(), s.Identities.Store); err != nil {
		return err
	}
	note(w, "identities_created", b.created)
	return reply(w, http.StatusOK, wire.BatchResults{Identities: b.results})
}

// batch is a request to create many identities under way.
type batch struct {
	results []*wire.BatchResult
	drafts  []identity.Draft
	built   []*identity.Identity
	place   []int // where in the request a built identity stands
	drafted []int // where in the request a draft stands
	created int
}

// read judges the request as a whole. A name, a state or a hash that cannot be right refuses all of it.
func (b *batch) read(body *wire.Batch) error {
	hashes := 0
	if len(body.Identities) > maxBatch {
		return errBatch.Saying("A batch holds at most %d identities.", maxBatch)
	}
	for n, entry := range body.Identities {
		if err := entry.CheckName(n); err != nil {
			return err
		}
		if len(entry.Create) == 0 || string(entry.Create) == "null" {
			continue
		}
		b.results[n] = &wire.BatchResult{Action: "create", PatchID: entry.PatchID}
		var c wire.CreateIdentity
		if err := wire.Decode(entry.Create, &c, true); err != nil {
			return err
		}
		d, err := c.Draft()
		if err != nil {
			return err
		}
		if d.State != "" && d.State != identity.Active && d.State != identity.Inactive {
			return identity.ErrBadState
		}
		if d.Password != nil && d.Password.Clear != "" {
			hashes++
		}
		b.drafts, b.drafted = append(b.drafts, d), append(b.drafted, n)
	}
	if hashes > maxBatchHashes {
		return errBatch.Saying("A batch holds at most %d passwords in clear text.", maxBatchHashes)
	}
	return nil
}

func (b *batch) build(ctx context.Context, m *identity.Manager) error {
	for _, d := range b.drafts {
		if d.Password != nil && d.Password.Clear == "" {
			if err := m.Hasher.CheckImported(d.Password.Hash); err != nil {
				return err
			}
		}
	}
	for n, d := range b.drafts {
		i, err := m.Build(ctx, d)
		if err != nil {
			if err := b.failed(b.drafted[n], err); err != nil {
				return err
			}
			continue
		}
		b.built, b.place = append(b.built, i), append(b.place, b.drafted[n])
	}
	return nil
}

// chunk is how many identities are stored in one transaction.
const chunk = 100

func (b *batch) store(ctx context.Context, store identity.Store) error {
	for from := 0; from < len(b.built); from += chunk {
		to := min(from+chunk, len(b.built))
		errs, err := store.InsertIdentities(ctx, b.built[from:to])
		if err != nil {
			return err
		}
		for n, err := range errs {
			at := b.place[from+n]
			if err != nil {
				if err := b.failed(at, err); err != nil {
					return err
				}
				continue
			}
			b.results[at].Identity = b.built[from+n].ID.String()
			b.created++
		}
	}
	return nil
}

// failed notes the failure of one entry. What is nobody's mistake fails the request.
func (b *batch) failed(n int, err error) error {
	f := fault.From(err)
	if f.Kind != fault.Invalid && f.Kind != fault.Conflict {
		return err
	}
	shown := wire.FromFault(f, "")
	b.results[n].Action, b.results[n].Error = "error", &shown
	return nil
}
