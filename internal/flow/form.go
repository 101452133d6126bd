package flow

// Form is what a client shows: nodes to fill in, and messages about the whole.
type Form struct {
	Nodes    []Node
	Messages []Message
}

// The groups that nodes belong to.
const (
	DefaultGroup  = "default"
	PasswordGroup = "password"
	ProfileGroup  = "profile"
	TOTPGroup     = "totp"
	LookupGroup   = "lookup_secret"
)

// Node is an input of a form, or something to look at: a picture, or a text.
type Node struct {
	Group        string
	Image        *Image   // a picture, which has no other fields than group, name (its id) and label
	Text         *Message // a text, in the same way
	Name         string
	Type         string // text, email, password, hidden, submit, number, checkbox …
	Value        any    // nil when never set
	Required     bool
	Autocomplete string
	Pattern      string
	Options      []any
	Label        *Message
	Messages     []Message
}

// Image is a picture in a form.
type Image struct {
	Src           string // a data: address
	Width, Height int    // pixels
}

// CSRFField is the name of the anti-forgery field.
const CSRFField = "csrf_token"

// csrfNode is the anti-forgery node. API flows carry no cookie that could be abused, and leave it empty.
func csrfNode(token string) Node {
	return Node{Group: DefaultGroup, Name: CSRFField, Type: "hidden", Value: token, Required: true}
}

// Submit is a button that sends the form with name=value.
func Submit(group, name, value string, label Message) Node {
	return Node{Group: group, Name: name, Type: "submit", Value: value, Label: &label}
}

// fill puts what the last submission left behind into the nodes: values to show again, and messages.
func (f *Flow) fill(nodes []Node) []Node {
	for i := range nodes {
		n := &nodes[i]
		known := n.Type == "hidden" && n.Value != nil // by the server, whatever was posted
		if v, ok := f.Answers[n.Name]; ok && n.Type != "password" && n.Type != "submit" && !known {
			n.Value = v
		}
		n.Messages = append(n.Messages, f.Faults[n.Name]...)
	}
	return nodes
}

// named reports whether some node has this name.
func named(nodes []Node, name string) bool {
	for _, n := range nodes {
		if n.Name == name {
			return true
		}
	}
	return false
}
