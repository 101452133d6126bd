// Package wire is the JSON that clients see, and how values of the domain become it. The names and shapes are those of
// the Ory Kratos API, which official SDKs depend on.
package wire

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// TunnelHeader names the tunnels that a request has come through.
const TunnelHeader = "X-Exeunt-Tunnel"

// View says how values are shown: under which base address, and with what.
type View struct {
	Base string // public base URL with a trailing slash
}

// schemaURL is where the schema of an identity can be fetched.
func (v View) schemaURL(id string) string {
	return v.Base + "schemas/" + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// optional gives a time that may be missing.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Marshal encodes a value as a response body: JSON, one line, ended by a newline.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, '\n'), err
}
