package flow

import (
	"fmt"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// Message is a text for a person with a number for programs. The numbers are part of the wire contract.
type Message struct {
	ID      int
	Text    string
	Type    MessageType
	Context map[string]any
}

// MessageType says how a message is meant.
type MessageType string

// The types.
const (
	Info    MessageType = "info"
	Failure MessageType = "error"
	Success MessageType = "success"
)

func info(id int, text string) Message { return Message{ID: id, Text: text, Type: Info} }

func failure(id int, text string, context map[string]any) Message {
	return Message{ID: id, Text: text, Type: Failure, Context: context}
}

// Labels and hints.
var (
	LabelSignIn         = info(1010001, "Sign in")
	LabelSignInPassword = info(1010022, "Sign in with password")
	LabelPassword       = info(1070001, "Password")
	LabelID             = info(1070004, "ID")
	LabelSignUp         = info(1040001, "Sign up")
	LabelBack           = info(1040008, "Back")
	LabelSave           = info(1070003, "Save")
	labelRemember       = info(1100001, "Keep me signed in")
	hintRefresh         = info(1010003, "Please confirm that it is you by signing in again.")
	hintSecondFactor    = info(1010004, "Please complete the second factor.")
	hintChooseFactor    = info(1040009, "Please choose a credential to sign in with.")
)

// LabelTrait is the label of a trait, with its title.
func LabelTrait(name, title string) Message {
	return Message{ID: 1070002, Text: title, Type: Info, Context: map[string]any{"name": name, "title": title}}
}

var saved = Message{ID: 1050001, Text: "Your changes have been saved.", Type: Success}

func othersEnded(n int) Message {
	return Message{ID: 1100002, Text: fmt.Sprintf("Signed out on other devices: %d.", n), Type: Info, Context: map[string]any{"sessions_ended": n}}
}

// endings say why somebody is not signed in any more. Whoever has signed out knows, and is told nothing.
var endings = map[session.Reason]string{
	session.Revoked:           "You were signed out on this device from another one.",
	session.RevokedByAdmin:    "You were signed out on this device by an administrator.",
	session.CredentialChanged: "You were signed out on this device because the password, or another way to sign in, was changed.",
	session.IdentityDisabled:  "You were signed out because the account was disabled.",
	session.IdentityDeleted:   "You were signed out because the account was deleted.",
	session.LimitReached:      "You were signed out on this device because the account was signed in on more devices than it may be.",
	session.Restored:          "You were signed out because the data of this service was restored from a backup.",
	session.Expired:           "Your session has expired. Please sign in again.",
}

// SessionEnded tells whoever comes back why their session has ended; there may be nothing to tell.
func SessionEnded(why session.Reason) []Message {
	text, told := endings[why]
	if !told {
		return nil
	}
	return []Message{{ID: 1100003, Text: text, Type: Info, Context: map[string]any{"end_reason": string(why)}}}
}

// What can be wrong with a submission.
var (
	FailedCredentials = failure(4000006, "The provided credentials are invalid. Check for spelling mistakes in the password, username, e-mail address or phone number.", nil)
	FailedInactive    = failure(4010011, "This account was disabled.", nil)
	FailedTaken       = failure(4000007, "An account with the same identifier (e-mail, phone, username) exists already.", nil)
	failedLogin       = failure(4010002, "No strategy found to log you in with: the method is missing, unknown, or cannot be used here.", nil)
	failedSettings    = failure(4010004, "No strategy found to update your settings with: the method is missing or unknown.", nil)
	failedSignUp      = failure(4010003, "No strategy found to sign you up with: the method is missing or unknown.", nil)
)

// FailedTakenWithHint tells somebody who has an account already how to sign in to it.
func FailedTakenWithHint(identifier string, types []string) Message {
	return failure(4000028, "You tried signing up with "+identifier+", which is already in use by another account. You can sign in with it instead.",
		map[string]any{"available_credential_types": types, "available_oidc_providers": []string{}, "credential_identifier_hint": identifier})
}

// FailedGeneric carries any other reason.
func FailedGeneric(reason string) Message {
	return failure(4000001, reason, map[string]any{"reason": reason})
}

// FailedRequired says that a property is missing.
func FailedRequired(property string) Message {
	return failure(4000002, "Property "+property+" is missing.", map[string]any{"property": property})
}

// FailedPolicy is a password that breaks the policy; the id says which rule.
func FailedPolicy(id int, text string, context map[string]any) Message {
	return failure(id, text, context)
}

func failedExpired(kind Kind, at time.Time) Message {
	id, text := 4010001, "The login flow has expired. Please try again."
	switch kind {
	case Registration:
		id, text = 4040001, "The registration flow has expired. Please try again."
	case Settings:
		id, text = 4050001, "The settings flow has expired. Please try again."
	}
	return failure(id, text, map[string]any{"expired_at": at, "expired_at_unix": at.Unix()})
}

// traitMessageIDs are the numbers of the schema rules that clients can tell apart.
var traitMessageIDs = map[identity.TraitErrorKind]int{
	identity.Required: 4000002, identity.MinLength: 4000003, identity.MaxLength: 4000017, identity.Pattern: 4000004,
	identity.Minimum: 4000018, identity.ExclusiveMin: 4000019, identity.Maximum: 4000020, identity.ExclusiveMax: 4000021,
	identity.MultipleOf: 4000022, identity.MaxItems: 4000023, identity.MinItems: 4000024, identity.UniqueItems: 4000025,
	identity.WrongType: 4000026, identity.ConstValue: 4000029, identity.FormatEmail: 4000040, identity.FormatTel: 4000041,
}

func failedTrait(e identity.TraitError) Message {
	id, known := traitMessageIDs[e.Kind]
	switch {
	case !known:
		return FailedGeneric(e.Text)
	case e.Kind == identity.Required:
		return FailedRequired(e.Context["property"].(string))
	}
	return failure(id, "The value is not valid: "+e.Text+".", e.Context)
}
