package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/testkit"
)

func patched() *identity.Identity {
	i := testkit.Identity("ada@example.org")
	i.MetadataPublic = json.RawMessage(`{"list":[1,2],"1234567":{"a":1}}`)
	return i
}

func TestPatch(t *testing.T) {
	view := View{Base: "https://id.example/"}
	for body, ok := range map[string]bool{
		`[]`: true, `[{"op":"add","path":"/traits/x","value":1}]`: true, `[{"op":"replace","path":"/metadata_public/new/deep","value":1}]`: true,
		`[{"op":"replace","path":"/metadata_public/1234567/a","value":2}]`: true, `[{"op":"add","path":"/metadata_public/list/-","value":3}]`: true,
		`[{"op":"remove","path":"/metadata_public/list/0"}]`: true, `[{"op":"copy","from":"/traits/email","path":"/external_id"}]`: true, `[{"op":"move","from":"/traits/email","path":"/traits/mail"}]`: true,
		`[{"op":"test","path":"/state","value":"active"}]`: true, `[{"op":"test","path":"/state","value":"inactive"}]`: false, `[{"op":"remove","path":"/traits/none"}]`: false,
		`[{"op":"replace","path":"/id","value":"x"}]`: false, `[{"op":"copy","from":"/credentials/password","path":"/metadata_public"}]`: false, `[{"op":"replace","path":"/Credentials/oidc","value":1}]`: false,
		`[{"op":"add","path":"/metadata_public/none/100000000/x","value":1}]`: false, `[{"op":"add","path":"` + strings.Repeat("/a", 40) + `","value":1}]`: false,
		`[{"op":"add","path":"","value":{}}]`: false, `[null]`: false, `{}`: false, `[{"op":"spam","path":"/traits"}]`: false, ``: false, `[{"op":"add","op":"remove","path":"/traits/x"}]`: false,
	} {
		_, err := view.Patch(patched(), []byte(body))
		if (err == nil) != ok {
			t.Errorf("%.80s: %v", body, err)
		}
		if err != nil && fault.From(err).Kind != fault.Invalid {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestPatchOfThePassword(t *testing.T) {
	view := View{Base: "https://id.example/"}
	d, err := view.Patch(patched(), []byte(`[{"op":"replace","path":"/traits/email","value":"x"}]`))
	if err != nil || d.Password != nil {
		t.Errorf("a patch of something else sets a password: %v, %v", d.Password, err)
	}
	d, err = view.Patch(patched(), []byte(`[{"op":"replace","path":"/credentials/password/config","value":{"password":"new"}}]`))
	if err != nil || d.Password == nil || d.Password.Clear != "new" {
		t.Errorf("%v", err)
	}
}

func FuzzPatch(f *testing.F) {
	for _, seed := range []string{`[]`, `[null]`, `[{"op":"add","path":"/traits/x","value":1}]`, `[{"op":"copy","from":"/traits","path":"/traits/y"}]`, `[{"op":"add","path":"/a/9/b/-","value":1}]`,
		`[{"op":"remove","path":"/metadata_public/list/-1"}]`, `[{"op":"move","from":"/traits","path":"/traits/a"}]`, `[{"op":"test","path":"/metadata_admin"}]`, `[{"op":"add","path":"/traits~1~0/~"}]`,
		`[{"op":"replace","path":"/verifiable_addresses/0/verified","value":true}]`, `[{"op":"replace","path":"/traits"}]`, `[{"path":null,"op":null}]`, `[{"op":"add","path":"/metadata_public/list/2","value":null}]`} {
		f.Add([]byte(seed))
	}
	view := View{Base: "https://id.example/"}
	f.Fuzz(func(t *testing.T, body []byte) {
		i := patched()
		d, err := view.Patch(i, body)
		var known *fault.Error
		if err != nil && (!errors.As(err, &known) || known.Kind != fault.Invalid) {
			t.Fatalf("%q: %v", body, err)
		}
		if err == nil && len(d.Traits) > 0 && !json.Valid(d.Traits) {
			t.Fatalf("%q: traits %q", body, d.Traits)
		}
		if string(i.MetadataPublic) != string(patched().MetadataPublic) {
			t.Fatal("the identity itself was changed")
		}
	})
}
