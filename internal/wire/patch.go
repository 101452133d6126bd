package wire

import (
	"encoding/json"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
)

var errPatch = fault.New(fault.Invalid, "json_patch_failed", "The JSON patch cannot be applied.")

// Document is an identity as a JSON patch sees it, with the configuration of its password.
func (v View) Document(i *identity.Identity) ([]byte, error) {
	shown := v.FromIdentity(i, IdentityParts{Admin: true, Credentials: true})
	return json.Marshal(shown)
}

// Patch applies a JSON patch (RFC 6902) to an identity and returns what it is to become. Parents that are missing are
// made on the way. The id, other credentials than the password, and the credentials as a whole cannot be patched.
func (v View) Patch(i *identity.Identity, body []byte) (identity.Draft, error) {
	if err := wellFormed(body); err != nil {
		return identity.Draft{}, err
	}
	patch, err := jsonpatch.DecodePatch(body)
	if err != nil {
		return identity.Draft{}, errPatch.Saying("The JSON patch has to be an array of operations (RFC 6902).").Because(err)
	}
	for _, op := range patch {
		if err := patchable(op); err != nil {
			return identity.Draft{}, err
		}
		forgive(op)
	}
	doc, err := v.Document(i)
	if err != nil {
		return identity.Draft{}, err
	}
	options := jsonpatch.NewApplyOptions()
	options.EnsurePathExistsOnAdd, options.AllowMissingPathOnRemove = true, false
	patched, err := patch.ApplyWithOptions(doc, options)
	if err != nil {
		return identity.Draft{}, errPatch.Saying("The JSON patch cannot be applied: a path does not exist, a value is missing, or a test failed.").Because(err)
	}
	return fromDocument(patched)
}

// patchable refuses operations that a patch must not do.
func patchable(op jsonpatch.Operation) error {
	switch op.Kind() {
	case "add", "replace", "remove", "test", "move", "copy":
	default:
		return errPatch.Saying("The JSON patch has an unknown operation; use add, replace, remove, move, copy or test.")
	}
	for _, read := range []func() (string, error){op.Path, op.From} {
		path, err := read()
		if err != nil {
			continue // a missing path is found out when the patch is applied, a missing from is right for most
		}
		lower := strings.ToLower(path)
		if lower == "" || lower == "/" || lower == "/id" || lower == "/credentials" || (strings.HasPrefix(lower, "/credentials/") && !strings.HasPrefix(lower, "/credentials/password/config")) {
			return errPatch.Saying("The JSON patch includes the denied path %q.", path)
		}
	}
	return nil
}

// forgive lets an operation replace what is not there yet. In an object, adding does both; in an array it would insert.
func forgive(op jsonpatch.Operation) {
	path, err := op.Path()
	if err != nil || op.Kind() != "replace" {
		return
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	if _, err := strconv.Atoi(last); err != nil && last != "-" {
		kind := json.RawMessage(`"add"`)
		op["op"] = &kind
	}
}

// fromDocument reads a patched document back.
func fromDocument(doc []byte) (identity.Draft, error) {
	var r CreateIdentity
	if err := decodeFault(json.Unmarshal(doc, &r)); err != nil {
		return identity.Draft{}, err
	}
	// Only a password whose configuration the patch has written is a change.
	if c, ok := r.Credentials[string(identity.Password)]; ok && len(c.Config) > 0 {
		r.Credentials = map[string]CredentialRequest{string(identity.Password): c}
	} else {
		r.Credentials = nil
	}
	return r.Draft()
}
