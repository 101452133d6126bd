package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"
)

// key is one key of a set, in its time.
type key struct {
	id     string
	begins time.Time   // zero for always
	ends   time.Time   // zero for never
	signer jose.Signer // nil if only the public half is here
	public jose.JSONWebKey
}

// members are the parts of a JWK that are looked at here. nbf and exp are those of OpenID Federation.
type members struct {
	KID    string   `json:"kid"`
	Alg    string   `json:"alg"`
	Use    string   `json:"use"`
	Begins *float64 `json:"nbf"`
	Ends   *float64 `json:"exp"`
}

const (
	longestKID = 200 // bytes
	leastRSA   = 2048
	anAlg      = "EdDSA, ES256 or RS256"
)

// parseKey reads one key. Its errors say what would be right, and nothing of the key but its id.
func parseKey(raw []byte) (key, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil {
		return key{}, errors.New("is not a JWK; want an object in which kty, kid and alg are texts, and nbf and exp numbers")
	}
	k := key{id: m.KID, begins: moment(m.Begins), ends: moment(m.Ends)}
	if err := m.check(); err != nil {
		return k, err
	}
	var j jose.JSONWebKey
	if err := j.UnmarshalJSON(raw); err != nil || !j.Valid() {
		return k, fmt.Errorf("its values make no key for %s; make it anew", m.Alg)
	}
	public := j.Public().Key
	if err := fits(public, m.Alg); err != nil {
		return k, err
	}
	k.public = jose.JSONWebKey{Key: public, KeyID: m.KID, Algorithm: m.Alg, Use: "sig"}
	if j.IsPublic() {
		return k, nil
	}
	return k, k.sign(j.Key)
}

// check judges everything but the key itself.
func (m members) check() error {
	switch {
	case m.KID == "":
		return errors.New("has no kid; give each key an id of its own")
	case len(m.KID) > longestKID || strings.ContainsFunc(m.KID, unicode.IsControl):
		return fmt.Errorf("its kid is not usable; write at most %d bytes without control characters", longestKID)
	case m.Alg == "":
		return errors.New("has no alg; write " + anAlg)
	case m.Alg == "none":
		return errors.New("alg none leaves tokens unsigned, so anybody could make them; use " + anAlg)
	case strings.HasPrefix(m.Alg, "HS"):
		return fmt.Errorf("alg %q needs a secret that whoever checks tokens could make them with; use %s", m.Alg, anAlg)
	case m.Alg != "EdDSA" && m.Alg != "ES256" && m.Alg != "RS256":
		return fmt.Errorf("alg %q is not supported; use %s", m.Alg, anAlg)
	case m.Use != "" && m.Use != "sig":
		return fmt.Errorf("use is %q; keys that sign have sig, or leave it out", m.Use)
	case m.Begins != nil && !isTime(*m.Begins) || m.Ends != nil && !isTime(*m.Ends):
		return errors.New("nbf and exp are times in seconds since 1970")
	case m.Begins != nil && m.Ends != nil && *m.Ends <= *m.Begins:
		return errors.New("it ends (exp) before it begins (nbf)")
	}
	return nil
}

func moment(seconds *float64) time.Time {
	if seconds == nil || !isTime(*seconds) {
		return time.Time{}
	}
	return time.Unix(int64(*seconds), 0)
}

// fits checks that a public key is one for an algorithm.
func fits(public any, alg string) error {
	switch half := public.(type) {
	case ed25519.PublicKey:
		if alg == "EdDSA" {
			return nil
		}
	case *ecdsa.PublicKey:
		if alg == "ES256" && half.Curve == elliptic.P256() {
			return nil
		}
	case *rsa.PublicKey:
		if alg == "RS256" && half.N.BitLen() < leastRSA {
			return fmt.Errorf("an RSA key of %d bits is too weak; make one of at least %d", half.N.BitLen(), leastRSA)
		}
		if alg == "RS256" {
			return nil
		}
	}
	return fmt.Errorf("it is no key for %s; EdDSA needs kty OKP and crv Ed25519, ES256 kty EC and crv P-256, RS256 kty RSA", alg)
}

// sign prepares signing, and checks that both halves of the key belong together.
func (k *key) sign(private any) error {
	options := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.public.Algorithm), Key: jose.JSONWebKey{Key: private, KeyID: k.id}}, options)
	if err != nil {
		return errors.New("it cannot sign; make it anew")
	}
	probe := []byte("probe")
	signed, err := signer.Sign(probe)
	if err != nil {
		return errors.New("it cannot sign; make it anew")
	}
	if text, err := signed.Verify(k.public); err != nil || !bytes.Equal(text, probe) {
		return errors.New("its private and its public half do not belong together; make it anew")
	}
	k.signer = signer
	return nil
}

// counts reports whether the key may sign at a moment.
func (k *key) counts(now time.Time) bool {
	return k.signer != nil && !k.begins.After(now) && (k.ends.IsZero() || k.ends.After(now))
}

// same reports whether two keys with one id are one key.
func (k *key) same(other *key) bool {
	half, ok := k.public.Key.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && k.public.Algorithm == other.public.Algorithm && half.Equal(other.public.Key)
}
