package wire

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// AppendSession appends what Marshal makes of FromSession with identity and devices: the same bytes, without looking at
// types while the program runs. It is what whoami answers.
func (v View) AppendSession(b []byte, s *session.Session, now time.Time) []byte {
	b = appendID(append(b, `{"id":`...), uuid.UUID(s.ID))
	b = appendBool(append(b, `,"active":`...), s.Valid(now))
	b = appendTime(append(b, `,"expires_at":`...), s.ExpiresAt)
	b = appendTime(append(b, `,"authenticated_at":`...), s.AuthenticatedAt)
	b = appendString(append(b, `,"authenticator_assurance_level":`...), s.AAL.String())
	b = append(b, `,"authentication_methods":[`...)
	for n, m := range s.Methods {
		b = appendString(append(next(b, n), `{"method":`...), m.Method)
		b = appendString(append(b, `,"aal":`...), m.AAL.String())
		b = appendTime(append(b, `,"completed_at":`...), m.CompletedAt)
		b = append(b, '}')
	}
	b = appendTime(append(b, `],"issued_at":`...), s.IssuedAt)
	b = append(b, `,"identity":`...)
	if s.Identity == nil {
		b = append(b, `null`...)
	} else {
		b = v.appendIdentity(b, s.Identity)
	}
	b = append(b, `,"devices":[`...)
	for n, d := range s.Devices {
		b = appendID(append(next(b, n), `{"id":`...), d.ID)
		b = appendString(append(b, `,"ip_address":`...), d.IP)
		b = appendString(append(b, `,"user_agent":`...), d.UserAgent)
		b = appendString(append(b, `,"location":`...), d.Location)
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendOptional(b, `,"last_seen_at":`, s.LastSeenAt)
	return append(b, "}\n"...)
}

func (v View) appendIdentity(b []byte, i *identity.Identity) []byte {
	b = appendID(append(b, `{"id":`...), uuid.UUID(i.ID))
	if i.ExternalID != "" {
		b = appendString(append(b, `,"external_id":`...), i.ExternalID)
	}
	b = appendString(append(b, `,"schema_id":`...), i.SchemaID)
	b = appendString(append(b, `,"schema_url":`...), v.schemaURL(i.SchemaID))
	b = appendString(append(b, `,"state":`...), string(i.State))
	b = appendOptional(b, `,"state_changed_at":`, i.StateChangedAt)
	b = appendDocument(append(b, `,"traits":`...), i.Traits)
	if len(i.Verifiable) > 0 {
		b = append(b, `,"verifiable_addresses":[`...)
		for n, a := range i.Verifiable {
			b = appendID(append(next(b, n), `{"id":`...), a.ID)
			b = appendString(append(b, `,"value":`...), a.Value)
			b = appendBool(append(b, `,"verified":`...), a.Verified)
			b = appendString(append(b, `,"via":`...), a.Via)
			b = appendString(append(b, `,"status":`...), a.Status)
			b = appendOptional(b, `,"verified_at":`, a.VerifiedAt)
			b = appendSpan(b, a.CreatedAt, a.UpdatedAt)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	if len(i.Recovery) > 0 {
		b = append(b, `,"recovery_addresses":[`...)
		for n, a := range i.Recovery {
			b = appendID(append(next(b, n), `{"id":`...), a.ID)
			b = appendString(append(b, `,"value":`...), a.Value)
			b = appendString(append(b, `,"via":`...), a.Via)
			b = appendSpan(b, a.CreatedAt, a.UpdatedAt)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	b = appendDocument(append(b, `,"metadata_public":`...), i.MetadataPublic)
	b = appendSpan(b, i.CreatedAt, i.UpdatedAt)
	b = append(b, `,"organization_id":`...)
	if i.OrganizationID == "" {
		return append(b, `null}`...)
	}
	return append(appendString(b, i.OrganizationID), '}')
}

// next separates elements of a list.
func next(b []byte, n int) []byte {
	if n > 0 {
		return append(b, ',')
	}
	return b
}

func appendID(b []byte, id uuid.UUID) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for n, c := range id {
		if n == 4 || n == 6 || n == 8 || n == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[c>>4], digits[c&15])
	}
	return append(b, '"')
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, `true`...)
	}
	return append(b, `false`...)
}

// appendTime writes a moment as encoding/json does (RFC 3339); years are those of the store, which have four digits.
func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendOptional(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendTime(append(b, name...), t)
}

func appendSpan(b []byte, created, updated time.Time) []byte {
	b = appendTime(append(b, `,"created_at":`...), created)
	return appendTime(append(b, `,"updated_at":`...), updated)
}

// appendString writes a text. Those with anything that is not plain are left to encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain(s[i]) || s[i] == '"' || s[i] == '\\' {
			quoted, _ := json.Marshal(s) // texts cannot fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain reports whether a byte stands for itself in what encoding/json writes, inside of quotes: it is ASCII that can be
// seen, or a space, and no part of HTML.
func plain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '<' && c != '>' && c != '&' && c != 0x7f
}

// appendDocument writes a JSON document without spaces, as encoding/json does. One that has none is copied.
func appendDocument(b []byte, document json.RawMessage) []byte {
	if document == nil {
		return append(b, `null`...)
	}
	if compacted(document) {
		return append(b, document...)
	}
	var w bytes.Buffer
	if err := json.Compact(&w, document); err != nil {
		return append(b, `null`...) // what is stored was checked before
	}
	var escaped bytes.Buffer
	json.HTMLEscape(&escaped, w.Bytes())
	return append(b, escaped.Bytes()...)
}

// compacted reports whether a document is as encoding/json would write it.
func compacted(document []byte) bool {
	inside := false
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case !plain(c), c == ' ' && !inside:
			return false
		case c == '\\':
			i++ // what it escapes, inside of quotes
		case c == '"':
			inside = !inside
		}
	}
	return true
}
