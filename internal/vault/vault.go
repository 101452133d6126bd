// Package vault closes what has to be kept and must not be readable where it is kept: in the database, or in a browser.
package vault

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Vault closes and opens texts with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), whose nonces are long enough to be
// random. The first key closes, all open, so that keys can be rotated. It is safe for concurrent use.
type Vault struct{ keys [][]byte }

// New makes a vault. There must be a key; keys may have any length, as the ones that are used are derived from them (RFC
// 5869).
func New(keys [][]byte) *Vault { return &Vault{keys} }

// ErrClosed means that a text was not closed for this purpose with any of the keys, or was changed.
var ErrClosed = errors.New("a closed text cannot be opened: its key is not among the secrets, or it was changed")

// Close returns a URL-safe text that opens for the same purpose alone. A purpose names what is kept and whose it is, so
// that one text cannot stand in the place of another.
func (v *Vault) Close(purpose string, plain []byte) string {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(v.box(v.keys[0]).Seal(nonce, nonce, plain, []byte(purpose)))
}

// Open returns what was closed, or ErrClosed.
func (v *Vault) Open(purpose, closed string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(closed)
	if err != nil || len(b) < chacha20poly1305.NonceSizeX {
		return nil, ErrClosed
	}
	for _, key := range v.keys {
		plain, err := v.box(key).Open(nil, b[:chacha20poly1305.NonceSizeX], b[chacha20poly1305.NonceSizeX:], []byte(purpose))
		if err == nil {
			return plain, nil
		}
	}
	return nil, ErrClosed
}

func (v *Vault) box(key []byte) cipher.AEAD {
	derived, err := hkdf.Key(sha256.New, key, nil, "exeunt vault", chacha20poly1305.KeySize)
	if err != nil {
		panic(fmt.Sprintf("deriving a key of %d bytes: %v", chacha20poly1305.KeySize, err)) // only an impossible length fails
	}
	box, err := chacha20poly1305.NewX(derived)
	if err != nil {
		panic(err) // the length is right
	}
	return box
}
