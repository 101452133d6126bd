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
	parents := true
	for _, op := range patch {
		parents = parents && !distant(op)
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
	options.EnsurePathExistsOnAdd, options.AllowMissingPathOnRemove = parents, false
	options.AccumulatedCopySizeLimit = maxCopied
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
		if strings.Count(path, "/") > MaxDepth {
			return errPatch.Saying("A path of the JSON patch has more than %d parts.", MaxDepth)
		}
		lower := strings.ToLower(path)
		if lower == "" || lower == "/" || lower == "/id" || lower == "/credentials" || (strings.HasPrefix(lower, "/credentials/") && !strings.HasPrefix(lower, "/credentials/password/config")) {
			return errPatch.Saying("The JSON patch includes the denied path %q.", brief(path))
		}
	}
	return nil
}

const (
	maxCopied = 1 << 20 // bytes in all: copies of copies grow fast
	maxIndex  = 999     // of a missing parent, which is an array filled up to there
)

// distant reports whether a path holds a number that may be a name, but would be costly as the index of an array.
func distant(op jsonpatch.Operation) bool {
	path, _ := op.Path()
	for part := range strings.SplitSeq(path, "/") {
		if n, err := strconv.Atoi(part); err == nil && n > maxIndex {
			return true
		}
	}
	return false
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
	if err := wellFormed(doc); err != nil {
		return identity.Draft{}, err
	}
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
