package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// keywordName marks a trait as an identifier or an address.
const keywordName = "ory.sh/kratos"

// keyword is the compiled form of the "ory.sh/kratos" keyword at one trait.
type keyword struct {
	Credentials struct {
		Password struct {
			Identifier bool `json:"identifier"`
		} `json:"password"`
		WebAuthn struct {
			Identifier bool `json:"identifier"`
		} `json:"webauthn"`
		Code struct {
			Identifier bool   `json:"identifier"`
			Via        string `json:"via"`
		} `json:"code"`
		TOTP struct {
			AccountName bool `json:"account_name"`
		} `json:"totp"`
		Passkey struct {
			DisplayName bool `json:"display_name"`
		} `json:"passkey"`
	} `json:"credentials"`
	Verification struct {
		Via string `json:"via"`
	} `json:"verification"`
	Recovery struct {
		Via string `json:"via"`
	} `json:"recovery"`
	Organizations struct {
		Matcher string `json:"matcher"`
	} `json:"organizations"`
}

// Validate does nothing: the keyword describes a trait and never refuses one.
func (*keyword) Validate(*jsonschema.ValidatorContext, any) {}

var vocabulary = &jsonschema.Vocabulary{URL: "https://schemas.ory.sh/kratos", Compile: compileKeyword}

func compileKeyword(_ *jsonschema.CompilerContext, obj map[string]any) (jsonschema.SchemaExt, error) {
	v, ok := obj[keywordName]
	if !ok {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var k keyword
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&k); err != nil {
		return nil, fmt.Errorf("%s: %w", keywordName, err)
	}
	return &k, k.check(obj)
}

func (k *keyword) check(obj map[string]any) error {
	for name, via := range map[string]string{
		"verification.via": k.Verification.Via, "recovery.via": k.Recovery.Via, "credentials.code.via": k.Credentials.Code.Via,
	} {
		if via != "" && via != "email" && via != "sms" {
			return fmt.Errorf("%s: %s is %q; it is either email or sms", keywordName, name, via)
		}
	}
	format, _ := obj["format"].(string)
	switch format {
	case "", "email", "tel", "date", "time", "date-time", "no-validate":
		return nil
	}
	if k.Verification.Via != "" {
		return fmt.Errorf("%s: a trait with verification has the format email, tel, date, time, date-time or no-validate, not %q", keywordName, format)
	}
	return nil
}

// keywordOf returns the keyword of a schema node, or nil.
func keywordOf(s *jsonschema.Schema) *keyword {
	for _, ext := range s.Extensions {
		if k, ok := ext.(*keyword); ok {
			return k
		}
	}
	return nil
}

var emailFormat = &jsonschema.Format{Name: "email", Validate: func(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	_, err := parseEmail(s)
	return err
}}

var telFormat = &jsonschema.Format{Name: "tel", Validate: func(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	_, err := parsePhone(s)
	return err
}}

// parseEmail returns the address in stored form. Only a bare addr-spec (RFC 5322, section 3.4.1) is accepted.
func parseEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 320 {
		return "", fmt.Errorf("is not an e-mail address")
	}
	return FoldIdentifier(s), nil
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// parsePhone returns the number in E.164 form. It has to start with + and the country code.
func parsePhone(s string) (string, error) {
	n := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "/", "").Replace(strings.TrimSpace(s))
	if !e164.MatchString(n) {
		return "", fmt.Errorf("is not a phone number with country code, like +49 30 1234567")
	}
	return n, nil
}
