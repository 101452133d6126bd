package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/testkit"
)

// fullFlow uses every field. Numbers in what a form remembers are floats, as in any JSON.
func fullFlow() *flow.Flow {
	f := testkit.Flow(flow.Registration, now)
	f.UpdatedAt, f.ReturnTo, f.Active, f.State = now.Add(time.Second), flow.Stored("https://app.example/ok?x=ü"), "password", flow.PassedChallenge
	f.Refresh, f.RequestedAAL, f.IdentitySchema, f.OrganizationID, f.Step = true, identity.AAL2, "customer", "acme", flow.Credentials
	f.Answers = map[string]any{"traits.email": "a@example.com", "traits.age": json.Number("7.50"), "traits.ok": true, "traits.nul": "\x00"}
	m := flow.Message{ID: 4000002, Text: "Property x is missing.", Type: flow.Failure, Context: map[string]any{"property": "x"}}
	f.Faults = map[string][]flow.Message{"traits.email": {m, flow.LabelID}}
	f.Messages = []flow.Message{m}
	return f
}

func TestFlowMakesTheRoundTrip(t *testing.T) {
	onEach(t, func(f fixture) {
		same := func(f fixture, want *flow.Flow) {
			f.t.Helper()
			got, err := f.Flow(f.ctx, want.Kind, want.ID)
			f.ok(err)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(flow.Return{})); diff != "" {
				f.t.Error(diff)
			}
		}
		f.run("empty and full", func(f fixture) {
			for _, want := range []*flow.Flow{testkit.Flow(flow.Login, now), fullFlow()} {
				f.ok(f.InsertFlow(f.ctx, want))
				same(f, want)
			}
		})
		f.run("an update replaces its state", func(f fixture) {
			first, other := testkit.Flow(flow.Registration, now), testkit.Flow(flow.Registration, now)
			f.ok(f.InsertFlow(f.ctx, first))
			f.ok(f.InsertFlow(f.ctx, other))
			want := fullFlow()
			want.ID, want.Kind, want.ExpiresAt = first.ID, first.Kind, first.ExpiresAt
			f.ok(f.UpdateFlow(f.ctx, want))
			same(f, want)
			same(f, other)
		})
		f.run("expired ones are kept", func(f fixture) {
			old := testkit.Flow(flow.Login, now.Add(-24*time.Hour))
			f.ok(f.InsertFlow(f.ctx, old))
			same(f, old)
		})
		f.run("another kind or id is not found", func(f fixture) {
			fl := testkit.Flow(flow.Login, now)
			f.ok(f.InsertFlow(f.ctx, fl))
			_, err := f.Flow(f.ctx, flow.Registration, fl.ID)
			f.is(err, flow.ErrNotFound)
			_, err = f.Flow(f.ctx, flow.Login, testkit.Flow(flow.Login, now).ID)
			f.is(err, flow.ErrNotFound)
		})
		f.run("updating one that is gone is no failure and makes none", func(f fixture) {
			fl := testkit.Flow(flow.Login, now)
			f.ok(f.UpdateFlow(f.ctx, fl))
			_, err := f.Flow(f.ctx, fl.Kind, fl.ID)
			f.is(err, flow.ErrNotFound)
		})
	})
}
