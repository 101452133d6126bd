package server

import (
	"net/http"
	"slices"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

var deliveryPages = paging{list: "deliveries", most: 1000}

var errDeliveryState = fault.New(fault.Invalid, "delivery_state_invalid", "The state parameter is not valid; it is waiting, delivered or dead.")

// deliveries lists what was or is to be sent to web hooks, what changed last first.
func (s *Server) deliveries(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readPage(r, deliveryPages)
	if err != nil {
		return err
	}
	f := courier.Filter{State: courier.State(r.URL.Query().Get("state")), AfterID: p.after.ID, Limit: p.size + 1}
	if f.State != "" && !slices.Contains(courier.States, f.State) {
		return errDeliveryState
	}
	if p.after.Created != 0 {
		f.AfterChanged = time.UnixMicro(p.after.Created)
	}
	all, err := s.Hooks.List(r.Context(), f)
	if err != nil {
		return err
	}
	n := next{total: -1}
	if len(all) > p.size {
		all = all[:p.size]
		last := all[p.size-1]
		n.more, n.after = true, cursor{Created: last.ChangedAt.UnixMicro(), ID: last.ID}
	}
	s.link(w, r, p, n)
	shown := make([]wire.Delivery, len(all))
	for i, d := range all {
		shown[i] = wire.FromDelivery(d)
	}
	return reply(w, http.StatusOK, shown)
}

// retryDelivery sends a delivery again that was given up.
func (s *Server) retryDelivery(w http.ResponseWriter, r *http.Request) error {
	if err := s.Hooks.Retry(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	note(w, "delivery_retried", r.PathValue("id"))
	return done(w)
}
