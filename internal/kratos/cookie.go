package kratos

import (
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/gorilla/securecookie"

	"exeunt/internal/session"
)

// Cookies opens the session cookies that a Kratos has sealed. It is safe for concurrent use.
type Cookies struct{ codecs []securecookie.Codec }

// NewCookies opens what was sealed with any of the secrets, which are those of secrets.cookie, or secrets.default where
// Kratos has no others.
//
// The age of a cookie is not looked at: whether its session lives, and for how long, only the store decides.
func NewCookies(secrets [][]byte) *Cookies {
	c := &Cookies{}
	for _, secret := range secrets {
		key := sha256.Sum256(secret)
		c.codecs = append(c.codecs, securecookie.New(secret, key[:]).MaxAge(0))
	}
	return c
}

// ErrNewer means that a cookie was made by a Kratos that is newer than what is known here.
var ErrNewer = errors.New("the cookie is that of a newer Kratos")

var errForged = errors.New("the cookie was not sealed with a known secret")

// The length of a sealed cookie: anything shorter cannot hold a token beside its MAC and the rest.
const (
	minSealed = 200
	maxSealed = 4096
)

// Open returns the session token in a cookie of that name. What was not sealed for that name with one of the secrets is an
// error, as is what holds no session token: the same secrets seal other cookies of a Kratos.
func (c *Cookies) Open(name, value string) (session.Secret, error) {
	if strings.HasPrefix(value, "v1.") {
		return session.Secret{}, ErrNewer
	}
	if len(value) < minSealed || len(value) > maxSealed {
		return session.Secret{}, errForged
	}
	held := map[any]any{}
	if securecookie.DecodeMulti(name, value, &held, c.codecs...) != nil {
		return session.Secret{}, errForged
	}
	text, _ := held["session_token"].(string)
	return Token(text)
}
