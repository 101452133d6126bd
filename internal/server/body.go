package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// The largest bodies that are read, in bytes.
const (
	maxBody      = 1 << 20
	maxAdminBody = 16 << 20 // a batch of a thousand identities
)

var (
	errContentType = fault.New(fault.Invalid, "content_type_unsupported", "The request needs a body with the header Content-Type: application/json.")
	errBody        = fault.New(fault.Invalid, "body_unreadable", "The request body could not be read to its end.")
	errForm        = fault.New(fault.Invalid, "form_malformed", "The form body cannot be read; it has to be name=value pairs in UTF-8, joined by &, each name once.")
)

// readJSON reads a JSON body up to a limit into a value, as [wire.Decode] does.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, into any, known bool) error {
	body, err := readBody(w, r, limit)
	if err != nil {
		return err
	}
	return wire.Decode(body, into, known)
}

// readBody reads a body that claims to be JSON.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if mediaType(r) != "application/json" {
		return nil, errContentType
	}
	return readAll(w, r, limit)
}

// mediaType is the type of the body without parameters (RFC 9110, section 8.3.1), or "" when it is missing or broken.
func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, errTooLarge.Saying("The request body is larger than %d bytes.", limit)
	case err != nil:
		return nil, errBody.Because(err)
	}
	return b, nil
}

// readSubmission reads what was posted to a flow: a JSON object or a form.
func readSubmission(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	switch mediaType(r) {
	case "application/json":
		values := map[string]any{}
		return values, readJSON(w, r, maxBody, &values, false)
	case "application/x-www-form-urlencoded":
		return readForm(w, r)
	}
	return nil, errContentType.Saying("The request has another Content-Type than application/json or application/x-www-form-urlencoded, or none.")
}

func readForm(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	body, err := readAll(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errForm.Because(err)
	}
	values := map[string]any{}
	for name, v := range form {
		text := v[len(v)-1]
		if !utf8.ValidString(name+text) || strings.ContainsRune(name+text, 0) || len(v) > 1 {
			return nil, errForm
		}
		values[name] = text
	}
	return values, nil
}

// shorten keeps a value that is quoted in an answer short and valid.
func shorten(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
