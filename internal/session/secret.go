package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"math/big"
	"strings"
)

// Secret is a session token: whoever holds it is signed in. It prints as [secret] everywhere; only Reveal shows it, to
// put it into the answer of the request that made it.
type Secret struct{ value string }

// Carrier is how a token travels. A token that was made for one carrier is no credential in the other, so what a script
// can read never becomes a cookie, and what is in a cookie never works in a header.
type Carrier string

// The carriers, by how their tokens begin.
const (
	InHeader Carrier = "ory_st_" // native clients: X-Session-Token or Bearer
	InCookie Carrier = "ory_sc_" // browsers: the session cookie
)

const (
	tokenLength = 32 // letters after the prefix; 62 letters each, so about 190 bits
	letters     = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

	// MaxToken bounds what is accepted as a token, in bytes. Any opaque text up to it may be one.
	MaxToken = 512
)

// NewSecret makes a session token from the system's CSPRNG.
func NewSecret(c Carrier) Secret {
	var b strings.Builder
	b.WriteString(string(c))
	for range tokenLength {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic("the system's random source failed: " + err.Error()) // rand.Reader crashes the program before this
		}
		b.WriteByte(letters[n.Int64()])
	}
	return Secret{b.String()}
}

// successor is the token that takes the place of this one in a session. It is always the same one: of two requests that
// were sent with this token at once, whichever is answered last leaves the browser with a token that works, and one whose
// answer was lost can be sent again. Nobody can tell it without the key.
func (s Secret) successor(key []byte, id ID, c Carrier) Secret {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("successor/" + string(c) + "/" + id.String() + "/" + s.value))
	return Secret{string(c) + DeriveCode(h.Sum(nil)).value}
}

// DeriveCode spells out random bytes as a code of letters and digits, like a token's; each part gives 32 of them.
func DeriveCode(parts ...[]byte) Secret {
	var b strings.Builder
	for _, part := range parts {
		n := new(big.Int).SetBytes(part)
		for range tokenLength {
			var digit big.Int
			n.DivMod(n, big.NewInt(int64(len(letters))), &digit)
			b.WriteByte(letters[digit.Int64()])
		}
	}
	return Secret{b.String()}
}

// ParseSecret takes what a client sent as a token. Empty, over-long and control-character values are ErrBadToken.
func ParseSecret(s string) (Secret, error) {
	if s == "" || len(s) > MaxToken || !plain(s) && strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return Secret{}, ErrBadToken
	}
	return Secret{s}, nil
}

// plain reports whether a text is visible ASCII all through, as nearly every token is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// TravelsIn reports whether the token may be accepted from a carrier. Header tokens are opaque; only those that were made
// for cookies are none.
func (s Secret) TravelsIn(c Carrier) bool {
	if c == InHeader {
		return !strings.HasPrefix(s.value, string(InCookie))
	}
	return s.Made(c)
}

// Made reports whether the secret has the form of those that [NewSecret] makes for a carrier.
func (s Secret) Made(c Carrier) bool {
	name, ok := strings.CutPrefix(s.value, string(c))
	return ok && len(name) == tokenLength && alphanumeric(name)
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric[s[i]] {
			return false
		}
	}
	return true
}

// A table, as nobody can guess what kind of character comes next in a token, the processor included.
var isAlphanumeric = func() (is [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
		is[c] = true
	}
	return is
}()

// TokenHash is what is stored of a token: its SHA-256. The token's entropy makes a slow hash unnecessary.
type TokenHash [sha256.Size]byte

// TokenKey is the first half of a token's hash: 128 bits, which nobody meets by chance, nor on purpose without the token.
type TokenKey [sha256.Size / 2]byte

// Key returns the half by which a session is found in memory.
func (h TokenHash) Key() TokenKey { return TokenKey(h[:]) }

// Hash returns the stored form.
func (s Secret) Hash() TokenHash {
	var short [64]byte // what tokens that were made here fit into, on the stack
	return sha256.Sum256(append(short[:0], s.value...))
}

// Reveal returns the token itself.
func (s Secret) Reveal() string { return s.value }

// String hides the token from fmt.
func (Secret) String() string { return "[secret]" }

// GoString hides the token from %#v.
func (Secret) GoString() string { return "[secret]" }

// LogValue hides the token from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the token from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
