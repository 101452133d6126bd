// Package tracing records what becomes of requests as OpenTelemetry spans and sends them to a collector over OTLP. Without it
// nothing is recorded, and nothing costs anything.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"exeunt/internal/fault"
)

// Settings say where spans go.
type Settings struct {
	Collector string  // host:port, or an address with http:// or https://, of an OTLP receiver over HTTP
	Insecure  bool    // plain http, where the collector is named without a scheme
	Ratio     float64 // the part of all traces that is recorded, from 0 to 1
	Service   string
	Version   string
}

// Tracer records spans. It is safe for concurrent use. What is in a span is what is in the log: routes and not paths, ids and
// never a token, password, code or address of a person.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	incoming propagation.TraceContext
}

// New makes a tracer. Spans are sent in the background; those that a collector does not take are dropped, and the log says so.
func New(ctx context.Context, s Settings, log *slog.Logger) (*Tracer, error) {
	exporter, err := otlptracehttp.New(ctx, s.options()...)
	if err != nil {
		return nil, fmt.Errorf("preparing the way to the collector of traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans were not recorded", "error", err) }))
	// Whoever asks may say that a trace is theirs, but not that it has to be recorded.
	part := sdk.TraceIDRatioBased(s.Ratio)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithSampler(sdk.ParentBased(part, sdk.WithRemoteParentSampled(part))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", s.Service), attribute.String("service.version", s.Version))))
	return &Tracer{provider: provider, tracer: provider.Tracer("exeunt")}, nil
}

func (s Settings) options() []otlptracehttp.Option {
	if strings.Contains(s.Collector, "://") {
		return []otlptracehttp.Option{otlptracehttp.WithEndpointURL(strings.TrimSuffix(s.Collector, "/") + "/v1/traces")}
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpoint(s.Collector)}
	if s.Insecure {
		options = append(options, otlptracehttp.WithInsecure())
	}
	return options
}

// Close sends what is recorded, for a few seconds at most.
func (t *Tracer) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request to a route, as a part of the trace that the request belongs to (W3C Trace Context), and
// returns the request to go on with. The span ends with a status, and an error if there was one.
func (t *Tracer) Request(r *http.Request, method, route string) (*http.Request, func(status int, err error)) {
	ctx := t.incoming.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return r.WithContext(ctx), func(status int, err error) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		finish(span, err, status >= 500)
	}
}

// Operation begins the span of a part of a request. The span ends with an error, if there was one.
func (t *Tracer) Operation(ctx context.Context, name string) (context.Context, func(err error)) {
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func(err error) {
		var known *fault.Error
		finish(span, err, err != nil && !errors.As(err, &known))
	}
}

// finish ends a span. Of an error only its id is told: its text may name somebody.
func finish(span trace.Span, err error, failed bool) {
	if err != nil {
		span.SetAttributes(attribute.String("error.type", fault.From(err).ID))
	}
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
