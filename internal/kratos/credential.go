package kratos

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"exeunt/internal/identity"
)

// credentials translates the credentials of an identity. Its error is about one that must not be left behind.
func (t *Translator) credentials(i *Identity, p person, derived *identity.Derived, tell told) error {
	for _, x := range p.credentials {
		c, err := t.credential(i, x, tell)
		if err != nil {
			return fmt.Errorf("its credential %s: %w", x.text(0), err)
		}
		if c.Type == "" {
			continue
		}
		if _, twice := i.Credentials[c.Type]; twice {
			return fmt.Errorf("it has two credentials of the type %s", c.Type)
		}
		if fromTraits(c.Type) {
			c.Identifiers = reserved(p.identifiers[x.text(0)])
		}
		i.Credentials[c.Type] = c
	}
	for _, kind := range slices.Sorted(maps.Keys(derived.Identifiers)) {
		c, ok := i.Credentials[kind]
		if !ok {
			c = identity.Credential{Type: kind, Version: 1, CreatedAt: i.CreatedAt, UpdatedAt: i.CreatedAt}
		}
		for _, name := range derived.Identifiers[kind] {
			if !slices.Contains(c.Identifiers, name) {
				c.Identifiers = append(c.Identifiers, name)
			}
		}
		i.Credentials[kind] = c
	}
	maps.DeleteFunc(i.Credentials, func(_ identity.CredentialType, c identity.Credential) bool {
		return len(c.Config) == 0 && len(c.Identifiers) == 0
	})
	return nil
}

// fromTraits reports whether the identifiers of a type are what people sign in as. Those of the others name a row.
func fromTraits(t identity.CredentialType) bool {
	return slices.Contains([]identity.CredentialType{identity.Password, identity.Code, identity.WebAuthn}, t)
}

// reserved are the names that a credential keeps from everybody else, also when it has no secret.
func reserved(rows []row) (names []string) {
	for _, x := range rows {
		if name := identity.FoldIdentifier(x.text(1)); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// newestVersion is the newest form of credentials that is known.
const newestVersion = 1

// credential translates one. One without a type is left behind; why has been told then.
func (t *Translator) credential(i *Identity, x row, tell told) (c identity.Credential, err error) {
	kind := identity.CredentialType(x.text(2))
	version, err := strconv.Atoi(x.text(4))
	switch {
	case !identity.KnownType(x.text(2)):
		return c, fmt.Errorf("the type %q is not known", printable(x.text(2), 40))
	case err != nil || version < 0 || version > newestVersion:
		return c, fmt.Errorf("the version %q of its form is not known", printable(x.text(4), 20))
	}
	c = identity.Credential{Type: kind, Version: version}
	err = moments(x, map[int]string{5: "created_at", 6: "updated_at"}, map[int]*time.Time{5: &c.CreatedAt, 6: &c.UpdatedAt})
	if err != nil {
		return c, err
	}
	config, err := object(x[3])
	if err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	return t.secret(i, c, x.text(0), config, tell)
}

// secret fills in what a credential proves somebody with.
func (t *Translator) secret(i *Identity, c identity.Credential, row string, config []byte, tell told) (identity.Credential, error) {
	left := func(reason string) { tell("identity_credentials", row, reason) }
	if empty(config) {
		return c, nil
	}
	var err error
	switch c.Type {
	case identity.Password:
		c.Config = t.password(config, left)
	case identity.TOTP, identity.LookupSecret:
		c.Config, i.Used, err = t.secondFactor(i, c.Type, config)
	case identity.WebAuthn:
		c.Config, err = securityKeys(config, left)
	case identity.Code:
		left("exeunt sends no codes yet: this person cannot sign in with one")
	default:
		left("exeunt has no method " + string(c.Type) + " yet: this person cannot sign in with it")
		return identity.Credential{}, nil
	}
	return c, err
}

// empty reports whether a config is none: Kratos keeps one for every type that the schema mentions.
func empty(config []byte) bool {
	var fields map[string]json.RawMessage
	return len(config) == 0 || json.Unmarshal(config, &fields) == nil && len(fields) == 0
}

func (t *Translator) password(config []byte, left func(string)) []byte {
	var c struct {
		Hash string `json:"hashed_password"`
		Hook bool   `json:"use_password_migration_hook"`
	}
	switch err := json.Unmarshal(config, &c); {
	case err != nil:
		left("its config is damaged: this person has to set a new password")
	case c.Hash == "" && c.Hook:
		left("the password is known to a web hook alone (password migration): this person has to set a new one")
	case c.Hash == "":
	case t.CheckHash(c.Hash) != nil:
		left("the password hash is of no format that exeunt can check, or asks for too much work: this person has to set a new password")
	default:
		return identity.PasswordConfig(c.Hash)
	}
	return nil
}

func (t *Translator) secondFactor(i *Identity, kind identity.CredentialType, config []byte) ([]byte, []UsedCode, error) {
	made, used, err := t.SecondFactor(kind, i.ID, config)
	return made, append(i.Used, used...), err
}

// securityKeys keeps the keys of a second factor as they are: exeunt cannot ask for them yet, but must not let anybody in
// without.
func securityKeys(config []byte, left func(string)) ([]byte, error) {
	var c struct {
		Credentials []struct {
			Passwordless bool `json:"is_passwordless"`
		} `json:"credentials"`
	}
	if json.Unmarshal(config, &c) != nil {
		return nil, errors.New("the config of its security keys is damaged")
	}
	second := 0
	for _, key := range c.Credentials {
		if !key.Passwordless {
			second++
		}
	}
	switch {
	case len(c.Credentials) == 0:
		return nil, nil
	case second == 0:
		left("exeunt has no method webauthn yet: this person cannot sign in with a security key alone")
		return nil, nil
	}
	left("exeunt has no method webauthn yet: the security keys are kept, and this person needs another second factor to sign in")
	return config, nil
}
