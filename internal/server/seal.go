package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// seals authenticate what the server hands out and gets back: page tokens, logout tokens, errors to be shown. Nothing is
// stored for them. The first key makes, all open, so that keys can be rotated.
type seals [][]byte

// maxSealed bounds what is opened, in characters.
const maxSealed = 8 << 10

// seal makes a URL-safe text of b that opens for the same purpose alone. What it holds can be read by anybody.
func (k seals) seal(purpose string, b []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(mac(k[0], purpose, b), b...))
}

// open returns what was sealed, and false for anything that was not.
func (k seals) open(purpose, text string) ([]byte, bool) {
	if len(text) > maxSealed || strings.ContainsAny(text, "\r\n") { // which decoding would skip
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < sha256.Size {
		return nil, false
	}
	for _, key := range k {
		if hmac.Equal(mac(key, purpose, b[sha256.Size:]), b[:sha256.Size]) {
			return b[sha256.Size:], true
		}
	}
	return nil, false
}

func mac(key []byte, purpose string, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose + "/"))
	h.Write(b)
	return h.Sum(nil)
}
