package main

import (
	"context"
	"log/slog"

	"exeunt/internal/config"
	"exeunt/internal/event"
	"exeunt/internal/tracing"
	"exeunt/internal/wire"
)

// traces makes what records traces, or nil where nothing is to be recorded.
func traces(ctx context.Context, c config.Tracing, log *slog.Logger) (*tracing.Tracer, error) {
	if c.Provider == "" {
		return nil, nil
	}
	return tracing.New(ctx, tracing.Settings{Collector: c.Collector, Insecure: c.Insecure, Ratio: c.Ratio, Service: c.Service, Version: versionText()}, log)
}

// audit is what writes every event to the configured file.
func audit(c config.Log, events *event.Log, log *slog.Logger) *event.Audit {
	return &event.Audit{Log: events, Path: c.Audit, Logger: log, Line: func(e event.Event) ([]byte, error) { return wire.Marshal(wire.FromEvent(e)) }}
}
