package wire

import (
	"encoding/json"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// UI is the form of a flow.
type UI struct {
	Action   string    `json:"action"`
	Method   string    `json:"method"`
	Nodes    []Node    `json:"nodes"`
	Messages []Message `json:"messages,omitempty"`
}

// Node is an input of a form.
type Node struct {
	Type       string     `json:"type"`
	Group      string     `json:"group"`
	Attributes Attributes `json:"attributes"`
	Messages   []Message  `json:"messages"`
	Meta       Meta       `json:"meta"`
}

// Attributes are those of an input element; of a picture, or of a text, which have an ID in its place.
type Attributes struct {
	ID    string   `json:"-"`
	Image *Image   `json:"-"`
	Text  *Message `json:"-"`

	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Value        any      `json:"value,omitempty"`
	Required     bool     `json:"required,omitempty"`
	Autocomplete string   `json:"autocomplete,omitempty"`
	Pattern      string   `json:"pattern,omitempty"`
	Disabled     bool     `json:"disabled"`
	Options      []Option `json:"options,omitempty"`
	NodeType     string   `json:"node_type"`
}

// Image is a picture.
type Image struct {
	Src    string `json:"src"`
	ID     string `json:"id"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Type   string `json:"node_type"`
}

// MarshalJSON writes what belongs to the type of the node.
func (a Attributes) MarshalJSON() ([]byte, error) {
	switch {
	case a.Image != nil:
		return json.Marshal(a.Image)
	case a.Text != nil:
		return json.Marshal(struct {
			Text *Message `json:"text"`
			ID   string   `json:"id"`
			Type string   `json:"node_type"`
		}{a.Text, a.ID, a.NodeType})
	}
	type input Attributes // without this method
	return json.Marshal(input(a))
}

// Option is one of the values that an input may have.
type Option struct {
	Value any `json:"value"`
}

// Meta holds a node's label.
type Meta struct {
	Label *Message `json:"label,omitempty"`
}

// Message is a text with its number.
type Message struct {
	ID      int            `json:"id"`
	Text    string         `json:"text"`
	Type    string         `json:"type"`
	Context map[string]any `json:"context,omitempty"`
}

// LoginFlow is a login flow.
type LoginFlow struct {
	ID             string     `json:"id"`
	OrganizationID *string    `json:"organization_id"`
	Type           string     `json:"type"`
	ExpiresAt      time.Time  `json:"expires_at"`
	IssuedAt       time.Time  `json:"issued_at"`
	RequestURL     string     `json:"request_url"`
	ReturnTo       string     `json:"return_to,omitempty"`
	Active         string     `json:"active,omitempty"`
	UI             UI         `json:"ui"`
	CreatedAt      *time.Time `json:"created_at,omitempty"`
	UpdatedAt      *time.Time `json:"updated_at,omitempty"`
	Refresh        bool       `json:"refresh"`
	RequestedAAL   string     `json:"requested_aal"`
	ExchangeCode   string     `json:"session_token_exchange_code,omitempty"`
	State          string     `json:"state"`
	IdentitySchema string     `json:"identity_schema,omitempty"`
}

// RegistrationFlow is a registration flow.
type RegistrationFlow struct {
	ID             string    `json:"id"`
	Type           string    `json:"type"`
	ExpiresAt      time.Time `json:"expires_at"`
	IssuedAt       time.Time `json:"issued_at"`
	RequestURL     string    `json:"request_url"`
	ReturnTo       string    `json:"return_to,omitempty"`
	Active         string    `json:"active,omitempty"`
	UI             UI        `json:"ui"`
	OrganizationID *string   `json:"organization_id"`
	ExchangeCode   string    `json:"session_token_exchange_code,omitempty"`
	State          string    `json:"state"`
	IdentitySchema string    `json:"identity_schema,omitempty"`
}

// SettingsFlow is a settings flow.
type SettingsFlow struct {
	ID             string     `json:"id"`
	Type           string     `json:"type"`
	ExpiresAt      time.Time  `json:"expires_at"`
	IssuedAt       time.Time  `json:"issued_at"`
	RequestURL     string     `json:"request_url"`
	ReturnTo       string     `json:"return_to,omitempty"`
	Active         string     `json:"active,omitempty"`
	UI             UI         `json:"ui"`
	Identity       Identity   `json:"identity"`
	State          string     `json:"state"`
	OrganizationID *string    `json:"organization_id"`
	ContinueWith   []Continue `json:"continue_with,omitempty"`
}

// FromSettings shows a settings flow with its form, and what the client has to do next.
func (v View) FromSettings(f *flow.Flow, form flow.Form, of *identity.Identity, next []Continue) SettingsFlow {
	return SettingsFlow{ID: f.ID.String(), Type: string(f.Type), ExpiresAt: f.ExpiresAt, IssuedAt: f.IssuedAt, RequestURL: f.RequestURL,
		ReturnTo: f.ReturnTo.String(), Active: f.Active, UI: v.FromForm(f, form), Identity: v.FromIdentity(of, IdentityParts{}),
		State: f.State, ContinueWith: next}
}

// FromForm shows the form of a flow.
func (v View) FromForm(f *flow.Flow, form flow.Form) UI {
	return UI{Action: v.Base + "self-service/" + string(f.Kind) + "?flow=" + f.ID.String(), Method: "POST",
		Nodes: fromNodes(form.Nodes), Messages: fromMessages(form.Messages)}
}

// FromFlow shows a flow with its form, in the shape of its kind; code is the first of those that a session is fetched with,
// or "".
func (v View) FromFlow(f *flow.Flow, form flow.Form, code string) any {
	ui := v.FromForm(f, form)
	var organization *string
	if f.OrganizationID != "" {
		organization = &f.OrganizationID
	}
	if f.Kind == flow.Registration {
		return RegistrationFlow{ID: f.ID.String(), Type: string(f.Type), ExpiresAt: f.ExpiresAt, IssuedAt: f.IssuedAt,
			RequestURL: f.RequestURL, ReturnTo: f.ReturnTo.String(), Active: f.Active, UI: ui, OrganizationID: organization,
			ExchangeCode: code, State: f.State, IdentitySchema: f.IdentitySchema}
	}
	return LoginFlow{ID: f.ID.String(), OrganizationID: organization, Type: string(f.Type), ExpiresAt: f.ExpiresAt,
		IssuedAt: f.IssuedAt, RequestURL: f.RequestURL, ReturnTo: f.ReturnTo.String(), Active: f.Active, UI: ui,
		CreatedAt: optional(f.IssuedAt), UpdatedAt: optional(f.UpdatedAt), Refresh: f.Refresh,
		RequestedAAL: f.RequestedAAL.String(), ExchangeCode: code, State: f.State, IdentitySchema: f.IdentitySchema}
}

func fromNodes(all []flow.Node) []Node {
	nodes := make([]Node, len(all))
	for i, n := range all {
		w := Node{Type: "input", Group: n.Group, Messages: fromMessages(n.Messages), Attributes: Attributes{
			Name: n.Name, Type: n.Type, Value: n.Value, Required: n.Required, Autocomplete: n.Autocomplete, Pattern: n.Pattern, NodeType: "input",
		}}
		switch {
		case n.Image != nil:
			w.Type, w.Attributes = "img", Attributes{Image: &Image{n.Image.Src, n.Name, n.Image.Width, n.Image.Height, "img"}}
		case n.Text != nil:
			w.Type, w.Attributes = "text", Attributes{ID: n.Name, Text: &Message{n.Text.ID, n.Text.Text, string(n.Text.Type), n.Text.Context}, NodeType: "text"}
		}
		if w.Messages == nil {
			w.Messages = []Message{}
		}
		for _, o := range n.Options {
			w.Attributes.Options = append(w.Attributes.Options, Option{o})
		}
		if n.Label != nil {
			label := Message{n.Label.ID, n.Label.Text, string(n.Label.Type), n.Label.Context}
			w.Meta.Label = &label
		}
		nodes[i] = w
	}
	return nodes
}

func fromMessages(all []flow.Message) []Message {
	var w []Message
	for _, m := range all {
		w = append(w, Message{m.ID, m.Text, string(m.Type), m.Context})
	}
	return w
}

// LogoutFlow is the answer to beginning a logout.
type LogoutFlow struct {
	URL   string `json:"logout_url"`
	Token string `json:"logout_token"`
}

// FlowError is an error that a browser was led to.
type FlowError struct {
	ID        string    `json:"id"`
	Error     Error     `json:"error"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}
