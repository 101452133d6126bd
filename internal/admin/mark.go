package admin

import (
	"encoding/json"

	"exeunt/internal/fault"
)

// Mark is the member of an identity's metadata_admin that lets this person into the console, with the scopes that it lists.
// Nobody can write it for themselves: no flow touches that document, only the admin API does.
const Mark = "exeunt_console"

// ErrMarked is answered to a key that would get more than it has by the hands of a person whom it made or changed.
var ErrMarked = fault.New(fault.Forbidden, "admin_mark_needs_all", "Only a key with the scope all may let an identity into the console, or change one that is let in.").
	WithDetail("scope", string(All))

// Marked is what an identity's metadata_admin lets a person do in the console: nothing without the mark, or with one that
// is not a list of scopes alone.
func Marked(metadata []byte) []Scope {
	var document map[string]json.RawMessage // a struct would take the name in capitals as well
	var texts []string
	if json.Unmarshal(metadata, &document) != nil || json.Unmarshal(document[Mark], &texts) != nil {
		return nil
	}
	scopes, err := ParseScopes(texts)
	if err != nil {
		return nil
	}
	return scopes
}
