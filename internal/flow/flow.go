// Package flow is the one engine behind the self-service flows. A flow is a form that a client fetches, fills in and
// posts until it succeeds: signing in, registering. Methods say what the form asks and judge what was posted; the engine
// alone turns their outcomes into identities and sessions.
package flow

import (
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// ID names a flow. It is random (RFC 9562, version 4).
type ID uuid.UUID

// String returns the canonical spelling.
func (id ID) String() string { return uuid.UUID(id).String() }

// ParseID reads an ID; anything but a UUID is [ErrNotFound], as a client cannot tell the difference.
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || uuid.Validate(s) != nil { // Parse does not look at what stands around 36 characters
		return ID{}, ErrNotFound
	}
	return ID(u), nil
}

// Kind says what a flow is for.
type Kind string

// The kinds.
const (
	Login        Kind = "login"
	Registration Kind = "registration"
	Settings     Kind = "settings"
)

// Type says who drives a flow.
type Type string

// The types. API flows are driven by native clients, which send tokens and no cookies. Browser flows are bound to the
// anti-forgery cookie of the browser that began them.
const (
	API     Type = "api"
	Browser Type = "browser"
)

// Carrier is how the token of a session travels that a flow of this type starts.
func (t Type) Carrier() session.Carrier {
	if t == Browser {
		return session.InCookie
	}
	return session.InHeader
}

// The states of a flow.
const (
	ChooseMethod    = "choose_method" // login, registration
	PassedChallenge = "passed_challenge"
	ShowForm        = "show_form" // settings
	Succeeded       = "success"
)

// Flow is one run through a form.
type Flow struct {
	ID             ID
	Kind           Kind
	Type           Type
	IssuedAt       time.Time
	ExpiresAt      time.Time
	UpdatedAt      time.Time
	RequestURL     string
	ReturnTo       Return
	Active         string // the method that succeeded
	State          string
	Refresh        bool         // a session is to be refreshed
	RequestedAAL   identity.AAL // login only
	IdentitySchema string       // the schema asked for, or ""
	OrganizationID string
	CSRF           string      // browser flows: the hash of the anti-forgery cookie they are bound to
	IdentityID     identity.ID // settings: whose they are
	Exchange       bool        // the session is fetched with codes, see session.Exchange

	// Kept is what methods have to remember between showing the form and judging it, by names of their own. Secrets are
	// closed before they come here.
	Kept map[string]string

	// What the last submission left behind. Nodes are made anew from it whenever the flow is shown.
	Step     Step
	Answers  map[string]any       // values to show again, by node name; never a password
	Faults   map[string][]Message // what is wrong with which node
	Messages []Message            // what is wrong, or to be known, about the whole form
}

// Keep remembers a value of a method until it is removed, or the flow expires.
func (f *Flow) Keep(name, value string) {
	if f.Kept == nil {
		f.Kept = map[string]string{}
	}
	f.Kept[name] = value
}

// Step is where a form of several screens stands.
type Step string

// Registration asks for the traits first and for the credential second, unless it is unified.
const (
	First       Step = ""
	Credentials Step = "credentials"
)

// Failures that callers may see.
var (
	ErrNotFound = fault.New(fault.NotFound, "flow_not_found", "There is no such flow. Begin a new one.")
	ErrNoFlow   = fault.New(fault.Invalid, "flow_missing", "The flow query parameter is missing or is not a UUID; it carries the id of the flow being submitted.")
	ErrExpired  = &fault.Error{Kind: fault.Gone, ID: "self_service_flow_expired", Reason: "The flow has expired. Begin a new one.",
		Message: "self-service flow expired"}
	ErrDisabled = fault.New(fault.Invalid, "self_service_flow_disabled", "Registration is not allowed because it was disabled by the administrator.")
	ErrSignedIn = &fault.Error{Kind: fault.Invalid, ID: "session_already_available",
		Reason:  "A valid session was detected, so there is nothing to sign in to. Set refresh=true to authenticate again.",
		Message: "you are already logged in"}
	ErrNoSession = &fault.Error{Kind: fault.Unauthenticated, ID: "session_aal1_required",
		Reason: "A higher assurance level can only be reached from an active session.", Message: "aal2 and aal3 can only be requested if a session exists already"}
	ErrNotOwner = &fault.Error{Kind: fault.Forbidden, ID: "security_identity_mismatch",
		Reason: "The settings flow was begun by somebody else. Begin a new one."}
	ErrRefresh = &fault.Error{Kind: fault.Forbidden, ID: "session_refresh_required",
		Reason: "It is too long ago that this session authenticated for a change like this. Sign in again to confirm that it is you."}
	ErrBadAAL         = fault.New(fault.Invalid, "aal_invalid", "The aal query parameter is not valid; it is aal1 or aal2.")
	ErrBadSchema      = fault.New(fault.Invalid, "identity_schema_not_selectable", "The identity_schema query parameter names no schema that a client may choose.")
	ErrMethodDisabled = fault.New(fault.NotFound, "method_disabled", "This endpoint was disabled by the administrator: the method is known but not enabled.")
)
