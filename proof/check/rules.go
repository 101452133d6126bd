package check

import (
	"slices"
	"strings"

	"exeunt/proof/history"
)

// scope is which sessions an operation ends.
type scope int

const (
	nobodys  scope = iota
	own            // the caller's
	named          // those that the request names
	others         // all of the person but the caller's
	allOf          // all of the person
	everyone       // all of the identities that the request names
)

// rule is what is promised of one kind of operation.
type rule struct {
	accepted []int // answers that mean that the caller's session counted
	refused  []int // answers that mean that it did not
	ends     scope
	done     []int // answers that mean that what it ends has ended
	reason   string
	actor    string // who is said to have done it; "" is the person
	may      []int  // further answers that the contract knows
	fields   string // names that the JSON of a success has
}

const (
	ok          = 200
	created     = 201
	noContent   = 204
	seeOther    = 303
	badRequest  = 400
	nobody      = 401
	forbidden   = 403
	notFound    = 404
	gone        = 410
	unavailable = 503
	byAdmin     = "admin"
	byPolicy    = "policy"
	expired     = "expired" // the reason of an end that came too late to be one
	aSession    = "active authenticated_at authentication_methods authenticator_assurance_level devices expires_at id identity issued_at"
)

var rules = map[history.Kind]rule{
	history.SignIn:       {may: []int{ok, badRequest, notFound, gone}, fields: "session"},
	history.Whoami:       {accepted: []int{ok}, refused: []int{nobody}, fields: aSession},
	history.List:         {accepted: []int{ok}, refused: []int{nobody}},
	history.Extend:       {accepted: []int{noContent}, may: []int{notFound}},
	history.Refresh:      {accepted: []int{ok}, refused: []int{nobody}, may: []int{badRequest, notFound, gone}, fields: "session session_token"},
	history.LogoutBegin:  {accepted: []int{ok}, refused: []int{nobody}, may: []int{badRequest}, fields: "logout_token logout_url"},
	history.LogoutNative: {ends: own, done: []int{noContent}, reason: "logout", may: []int{forbidden}},
	history.LogoutLink:   {ends: own, done: []int{seeOther}, reason: "logout"},
	history.LogoutScript: {ends: own, done: []int{noContent}, reason: "logout", may: []int{nobody, forbidden}},
	history.LogoutForm:   {ends: own, done: []int{seeOther}, reason: "logout"},
	history.Revoke:       {accepted: []int{noContent}, refused: []int{nobody}, ends: named, done: []int{noContent}, reason: "revoked", may: []int{badRequest}},
	history.RevokeOthers: {accepted: []int{ok}, refused: []int{nobody}, ends: others, done: []int{ok}, reason: "revoked", fields: "count"},
	history.Password:     {accepted: []int{ok}, refused: []int{nobody}, ends: others, done: []int{ok}, reason: "credential_changed", may: []int{badRequest, forbidden, notFound, gone}, fields: "identity state ui"},
	history.AdminEnd:     {ends: named, done: []int{noContent}, reason: "revoked_by_admin", actor: byAdmin, may: []int{notFound}},
	history.AdminEndOf:   {ends: allOf, done: []int{noContent}, reason: "revoked_by_admin", actor: byAdmin, may: []int{notFound}},
	history.AdminBulk:    {ends: everyone, done: []int{ok}, reason: "revoked_by_admin", actor: byAdmin, fields: "more processed"},
	history.Disable:      {ends: allOf, done: []int{ok}, reason: "identity_disabled", actor: byAdmin, may: []int{notFound}, fields: "id schema_id state traits"},
	history.Enable:       {may: []int{ok, notFound}, fields: "id schema_id state traits"},
	history.Delete:       {ends: allOf, done: []int{noContent}, reason: "identity_deleted", actor: byAdmin, may: []int{notFound}},
	history.Create:       {may: []int{created}, fields: "id schema_id state traits"},
}

// reasonOf is why and by whom a session has ended according to an operation: a sign-in ends others by the limit.
func reasonOf(m *moment) (reason, actor string) {
	if m.kind == history.SignIn || m.kind == history.Refresh {
		return "limit", byPolicy
	}
	return rules[m.kind].reason, rules[m.kind].actor
}

// unsure reports whether the outcome of an operation is unknown.
func unsure(o *history.Op) bool {
	return o.Status == 0 || o.Status == unavailable || o.Status == seeOther && strings.Contains(o.Location, "/error")
}

func accepted(o *history.Op) bool {
	if o.Kind == history.Refresh && o.NewID != o.Session {
		return false
	}
	return slices.Contains(rules[o.Kind].accepted, o.Status)
}

func refused(o *history.Op) bool {
	if o.Kind == history.Refresh && o.Status == ok && o.NewID != o.Session {
		return true // another session was begun
	}
	return slices.Contains(rules[o.Kind].refused, o.Status)
}

func done(o *history.Op) bool {
	return o.Hostile == "" && !unsure(o) && slices.Contains(rules[o.Kind].done, o.Status)
}

func logout(k history.Kind) bool {
	return k == history.LogoutNative || k == history.LogoutLink || k == history.LogoutScript || k == history.LogoutForm
}

// known reports whether the contract has this answer.
func known(o *history.Op) bool {
	r := rules[o.Kind]
	return unsure(o) || slices.Contains(r.accepted, o.Status) || slices.Contains(r.refused, o.Status) ||
		slices.Contains(r.done, o.Status) || slices.Contains(r.may, o.Status)
}

// complete reports whether the JSON of an answer has the names that clients rely on.
func complete(o *history.Op) bool {
	want := rules[o.Kind].fields
	switch {
	case o.Status == noContent || o.Status == seeOther || unsure(o):
		return true
	case o.Status >= badRequest:
		want = "error"
		if o.Fields == "" || strings.Contains(o.Fields, "ui") { // a form that has to be filled in again
			want = ""
		}
	}
	for name := range strings.FieldsSeq(want) {
		if !strings.Contains(" "+o.Fields+" ", " "+name+" ") {
			return false
		}
	}
	return o.Status < badRequest || o.Fields != ""
}

// harmless lists what hostile requests may be answered. Somebody else's session is not told from none.
var harmless = map[string][]int{
	"HEAD":              {405},
	"image":             {forbidden},
	"prefetch":          {forbidden},
	"posted from afar":  {forbidden},
	"foreign session":   {noContent, nobody},
	"foreign token":     {nobody, forbidden, noContent},
	"bad return_to":     {badRequest, nobody},
	"begin, bad return": {badRequest, nobody},
	"id as token":       {nobody},
	"token as cookie":   {nobody},
}
