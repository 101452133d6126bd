package wire

import (
	"encoding/json"
	"maps"
	"net/http"

	"exeunt/internal/fault"
)

// statuses maps the kinds of failures to HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized, fault.Forbidden: http.StatusForbidden, fault.NotFound: http.StatusNotFound,
	fault.MethodNotAllowed: http.StatusMethodNotAllowed, fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone,
	fault.Outdated:      http.StatusPreconditionFailed,
	fault.Unprocessable: http.StatusUnprocessableEntity,
	fault.TooLarge:      http.StatusRequestEntityTooLarge, fault.HeadersTooLarge: http.StatusRequestHeaderFieldsTooLarge,
	fault.Busy: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// messages are the general sentences that clients know.
var messages = map[fault.Kind]string{
	fault.Internal:        "An internal server error occurred, please contact the system administrator",
	fault.Invalid:         "The request was malformed or contained invalid parameters",
	fault.Unauthenticated: "The request could not be authorized",
	fault.Forbidden:       "The requested action was forbidden",
	fault.NotFound:        "Unable to locate the resource",
	fault.Conflict:        "The resource could not be created due to a conflict",
	fault.Gone:            "The requested resource is no longer available because it has expired or is otherwise invalid.",
}

// Status is the HTTP status of a failure.
func Status(e *fault.Error) int { return statuses[e.Kind] }

// Error is the inner object of a JSON error.
type Error struct {
	ID      string         `json:"id,omitempty"`
	Code    int            `json:"code"`
	Status  string         `json:"status"`
	Request string         `json:"request,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Details map[string]any `json:"details,omitempty"`
	Message string         `json:"message"`
}

// FromFault shows a failure; request is the id that the client gave its request, or "".
func FromFault(e *fault.Error, request string) Error {
	w := Error{ID: e.ID, Code: Status(e), Status: http.StatusText(Status(e)), Request: request, Reason: e.Reason, Details: e.Details, Message: e.Message}
	if w.Message == "" {
		w.Message = messages[e.Kind]
	}
	if w.Message == "" {
		w.Message = w.Status
	}
	return w
}

// Envelope encodes a failure as the body of an answer, with the values that stand beside it.
func Envelope(e *fault.Error, request string) []byte {
	body := map[string]any{}
	maps.Copy(body, e.Siblings)
	body["error"] = FromFault(e, request)
	b, err := json.Marshal(body)
	if err != nil { // a detail that cannot be encoded must not hide the failure itself
		b, _ = json.Marshal(map[string]any{"error": FromFault(&fault.Error{Kind: e.Kind, ID: e.ID, Reason: e.Reason}, request)})
	}
	return append(b, '\n')
}
