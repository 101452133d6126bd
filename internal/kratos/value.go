package kratos

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
)

// moment reads a time: as PostgreSQL spells it, or as SQLite does, which adds the zone. Both are in UTC.
func moment(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999", time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() < 9999 {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, errors.New("a time is missing or damaged")
}

// moments reads several times; the first that fails is named.
func moments(x row, columns map[int]string, into map[int]*time.Time) error {
	for n, name := range columns {
		t, err := moment(x.text(n))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*into[n] = t
	}
	return nil
}

// optional is moment for a value that may be missing.
func optional(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return moment(text)
}

// id reads the canonical spelling of a UUID.
func id(text string) (uuid.UUID, error) {
	u, err := uuid.Parse(text)
	if err != nil || u.String() != text {
		return u, errors.New("the id is not a UUID in lower case")
	}
	return u, nil
}

// fingerprint is a hash of rows.
func fingerprint(parts ...any) string {
	b, _ := json.Marshal(parts) // texts cannot fail
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// MarshalJSON writes a row for its fingerprint, in which a missing text is not an empty one.
func (r row) MarshalJSON() ([]byte, error) {
	all := make([]*string, len(r))
	for i := range r {
		if r[i].Valid {
			all[i] = &r[i].String
		}
	}
	return json.Marshal(all)
}

// host is an address without its port.
func host(text string) string {
	if h, _, err := net.SplitHostPort(text); err == nil {
		return h
	}
	return text
}

// printable makes what a client has said of itself fit for every database.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
