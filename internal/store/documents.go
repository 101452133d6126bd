package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// What is always read and written together with its row is kept as a document in one column.

type methodDoc struct {
	Method    string       `json:"method"`
	AAL       identity.AAL `json:"aal"`
	Completed int64        `json:"completed"`
}

func methodsDoc(all []session.MethodUse) string {
	docs := make([]methodDoc, len(all))
	for i, m := range all {
		docs[i] = methodDoc{m.Method, m.AAL, micros(m.CompletedAt)}
	}
	return document(docs)
}

func readMethods(text string, into *[]session.MethodUse) error {
	var docs []methodDoc
	if err := parse(text, &docs); err != nil {
		return err
	}
	for _, d := range docs {
		*into = append(*into, session.MethodUse{Method: d.Method, AAL: d.AAL, CompletedAt: moment(d.Completed)})
	}
	return nil
}

type deviceDoc struct {
	ID        uuid.UUID `json:"id"`
	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Location  string    `json:"location,omitempty"`
}

func devicesDoc(all []session.Device) string {
	docs := make([]deviceDoc, len(all))
	for i, d := range all {
		docs[i] = deviceDoc(d)
	}
	return document(docs)
}

func readDevices(text string, into *[]session.Device) error {
	var docs []deviceDoc
	if err := parse(text, &docs); err != nil {
		return err
	}
	for _, d := range docs {
		*into = append(*into, session.Device(d))
	}
	return nil
}

type addressDoc struct {
	ID         uuid.UUID `json:"id"`
	Value      string    `json:"value"`
	Via        string    `json:"via"`
	Verified   bool      `json:"verified,omitempty"`
	Status     string    `json:"status,omitempty"`
	VerifiedAt int64     `json:"verified_at,omitempty"`
	Created    int64     `json:"created"`
	Updated    int64     `json:"updated"`
}

func addressesDoc(all []identity.Address) string {
	docs := make([]addressDoc, len(all))
	for i, a := range all {
		docs[i] = addressDoc{a.ID, a.Value, a.Via, a.Verified, a.Status, micros(a.VerifiedAt), micros(a.CreatedAt), micros(a.UpdatedAt)}
	}
	return document(docs)
}

func readAddresses(text string, into *[]identity.Address) error {
	var docs []addressDoc
	if err := parse(text, &docs); err != nil {
		return err
	}
	for _, d := range docs {
		*into = append(*into, identity.Address{ID: d.ID, Value: d.Value, Via: d.Via, Verified: d.Verified, Status: d.Status,
			VerifiedAt: moment(d.VerifiedAt), CreatedAt: moment(d.Created), UpdatedAt: moment(d.Updated)})
	}
	return nil
}

// document encodes plain structs, which cannot fail.
func document(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("a stored document cannot be encoded: " + err.Error())
	}
	return string(b)
}

func parse(text string, into any) error {
	return damaged(json.Unmarshal([]byte(text), into))
}

// parseGiven is parse for documents that hold what a client has sent: numbers keep their digits.
func parseGiven(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return damaged(d.Decode(into))
}

func damaged(err error) error {
	if err != nil {
		return fmt.Errorf("a stored document is damaged: %w", err)
	}
	return nil
}

// parseUUID reads an id that the store itself wrote.
func parseUUID[T ~[16]byte](text string, into *T) error {
	u, err := uuid.Parse(text)
	if err != nil {
		return fmt.Errorf("a stored id is damaged: %w", err)
	}
	*into = T(u)
	return nil
}

func nullable(text []byte) any {
	if len(text) == 0 {
		return nil
	}
	return string(text)
}
