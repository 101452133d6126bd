package main

import (
	"fmt"
	"log/slog"

	"exeunt/internal/config"
	"exeunt/internal/courier"
	"exeunt/internal/event"
	"exeunt/internal/metrics"
	"exeunt/internal/store"
	"exeunt/internal/wire"
)

// hooks makes the web hooks that are configured.
func hooks(c *config.Config) (all []*courier.Hook, err error) {
	for i, h := range c.Session.Hooks {
		one, err := courier.NewHook(courier.Target{URL: h.URL, Key: h.Key, Kinds: h.Events, GiveUpAfter: h.GiveUpAfter, AllowPrivate: h.AllowPrivateAddresses})
		if err != nil {
			return nil, fmt.Errorf("session.hooks[%d].url: %w", i, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// newCourier makes what tells web hooks what happens.
func newCourier(c *config.Config, s *store.Store, m *metrics.Metrics, log *slog.Logger) (*courier.Courier, error) {
	all, err := hooks(c)
	if err != nil {
		return nil, err
	}
	post := &courier.Courier{Store: s, Events: event.NewLog(s), Hooks: all, Meter: m, Log: log,
		Body: func(e event.Event) ([]byte, error) { return wire.Marshal(wire.FromEvent(e)) }}
	m.Gauge("exeunt_hook_deliveries_waiting", "Deliveries to web hooks that have not arrived yet.", func() float64 { return float64(post.Waiting()) })
	m.Gauge("exeunt_hook_deliveries_dead", "Deliveries to web hooks that were given up.", func() float64 { return float64(post.Dead()) })
	return post, nil
}
