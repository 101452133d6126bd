package otp

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"

	"exeunt/internal/identity"
	"exeunt/internal/vault"
)

// UsedCode is a recovery code that was used elsewhere, by the hash with which it is remembered.
type UsedCode struct {
	Hash string
	At   time.Time
}

// errFactor is the one answer to a second factor that cannot be taken over: nothing of it may be seen.
var errFactor = errors.New("the second factor is of no form that exeunt can check")

// TakeOver makes the document of a second factor from that of a Kratos, which is readable: it is closed from now on. Without
// anything to prove, there is none. used are the recovery codes that were used there.
func TakeOver(v *vault.Vault, t identity.CredentialType, id identity.ID, open []byte) (made []byte, used []UsedCode, err error) {
	var c config
	if json.Unmarshal(open, &c) != nil || c.Closed != "" {
		return nil, nil, errFactor
	}
	switch t {
	case identity.TOTP:
		made, err = takeKey(v, id, c.TOTPURL)
		return made, nil, err
	case identity.LookupSecret:
		return takeCodes(v, id, c.Codes)
	}
	return nil, nil, errFactor
}

func takeKey(v *vault.Vault, id identity.ID, address string) ([]byte, error) {
	switch {
	case len(address) == 0:
		return nil, nil
	case !usable(address):
		return nil, errFactor
	}
	return closed(v, identity.TOTP, id, []byte(address)), nil
}

// usable reports whether codes of the key can be computed: an app's codes that are refused would lock its owner out.
func usable(address string) bool {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return false
	}
	q := u.Query()
	secret := strings.ToUpper(strings.TrimRight(strings.TrimSpace(q.Get("secret")), "="))
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(raw) == 0 {
		return false
	}
	among := func(name string, known ...string) bool {
		for _, k := range known {
			if strings.EqualFold(q.Get(name), k) {
				return true
			}
		}
		return false
	}
	key, err := otp.NewKeyFromURL(address)
	return err == nil && key.Secret() != "" && among("algorithm", "", "SHA1", "SHA256", "SHA512") &&
		among("digits", "", "6", "8") && among("period", "", strconv.Itoa(period))
}

func takeCodes(v *vault.Vault, id identity.ID, all []openLookup) (made []byte, used []UsedCode, err error) {
	if len(all) == 0 {
		return nil, nil, nil
	}
	codes := make([]string, len(all))
	for i, c := range all {
		codes[i] = strings.ToLower(c.Code)
		if strings.TrimSpace(codes[i]) == "" || strings.Contains(codes[i], " ") {
			return nil, nil, errFactor
		}
		if c.UsedAt == nil {
			continue
		}
		text, _ := c.UsedAt.(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, nil, errFactor
		}
		if at.Year() > 1 { // the year 1 is how Go writes that it never was
			used = append(used, UsedCode{lookupHash(codes[i]), at.UTC()})
		}
	}
	b, _ := json.Marshal(codes) // texts cannot fail
	return closed(v, identity.LookupSecret, id, b), used, nil
}
