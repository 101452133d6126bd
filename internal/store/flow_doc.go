package store

import (
	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// flowDoc is the stored form of a flow.
type flowDoc struct {
	Type           string                  `json:"type"`
	Issued         int64                   `json:"issued"`
	Expires        int64                   `json:"expires"`
	Updated        int64                   `json:"updated"`
	RequestURL     string                  `json:"request_url"`
	ReturnTo       string                  `json:"return_to,omitempty"`
	Active         string                  `json:"active,omitempty"`
	State          string                  `json:"state"`
	Refresh        bool                    `json:"refresh,omitempty"`
	RequestedAAL   identity.AAL            `json:"requested_aal,omitempty"`
	IdentitySchema string                  `json:"identity_schema,omitempty"`
	OrganizationID string                  `json:"organization_id,omitempty"`
	CSRF           string                  `json:"csrf,omitempty"`
	IdentityID     string                  `json:"identity_id,omitempty"`
	Exchange       bool                    `json:"exchange,omitempty"`
	Kept           map[string]string       `json:"kept,omitempty"`
	Step           string                  `json:"step,omitempty"`
	Answers        map[string]any          `json:"answers,omitempty"`
	Faults         map[string][]messageDoc `json:"faults,omitempty"`
	Messages       []messageDoc            `json:"messages,omitempty"`
}

type messageDoc struct {
	ID      int            `json:"id"`
	Text    string         `json:"text"`
	Type    string         `json:"type"`
	Context map[string]any `json:"context,omitempty"`
}

func newFlowDoc(f *flow.Flow) flowDoc {
	d := flowDoc{
		Type: string(f.Type), Issued: micros(f.IssuedAt), Expires: micros(f.ExpiresAt), Updated: micros(f.UpdatedAt),
		RequestURL: f.RequestURL, ReturnTo: f.ReturnTo.String(), Active: f.Active, State: f.State, Refresh: f.Refresh,
		RequestedAAL: f.RequestedAAL, IdentitySchema: f.IdentitySchema, OrganizationID: f.OrganizationID, CSRF: f.CSRF,
		Step: string(f.Step), Answers: f.Answers, Faults: eachList(f.Faults, newMessageDoc), Messages: list(f.Messages, newMessageDoc),
		Exchange: f.Exchange, Kept: f.Kept,
	}
	if f.IdentityID != (identity.ID{}) {
		d.IdentityID = f.IdentityID.String()
	}
	return d
}

func (d *flowDoc) flow(kind flow.Kind, id flow.ID) (*flow.Flow, error) {
	f := &flow.Flow{
		ID: id, Kind: kind, Type: flow.Type(d.Type), IssuedAt: moment(d.Issued), ExpiresAt: moment(d.Expires), UpdatedAt: moment(d.Updated),
		RequestURL: d.RequestURL, ReturnTo: flow.Stored(d.ReturnTo), Active: d.Active, State: d.State, Refresh: d.Refresh,
		RequestedAAL: d.RequestedAAL, IdentitySchema: d.IdentitySchema, OrganizationID: d.OrganizationID, CSRF: d.CSRF,
		Step: flow.Step(d.Step), Answers: d.Answers, Faults: eachList(d.Faults, messageDoc.message), Messages: list(d.Messages, messageDoc.message),
		Exchange: d.Exchange, Kept: d.Kept,
	}
	if d.IdentityID == "" {
		return f, nil
	}
	return f, parseUUID(d.IdentityID, &f.IdentityID)
}

func newMessageDoc(m flow.Message) messageDoc {
	return messageDoc{ID: m.ID, Text: m.Text, Type: string(m.Type), Context: m.Context}
}

func (d messageDoc) message() flow.Message {
	return flow.Message{ID: d.ID, Text: d.Text, Type: flow.MessageType(d.Type), Context: d.Context}
}

func list[A, B any](all []A, as func(A) B) []B {
	var out []B
	for _, a := range all {
		out = append(out, as(a))
	}
	return out
}

func eachList[A, B any](all map[string][]A, as func(A) B) map[string][]B {
	if all == nil {
		return nil
	}
	out := make(map[string][]B, len(all))
	for k, v := range all {
		out[k] = list(v, as)
	}
	return out
}
