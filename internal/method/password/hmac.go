package password

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	//lint:ignore SA1019 hashes made with it are still brought along
	"golang.org/x/crypto/md4"
)

var hmacHashes = map[string]func() hash.Hash{
	"hmac-md4":    md4.New,
	"hmac-md5":    md5.New,
	"hmac-sha1":   sha1.New,
	"hmac-sha224": sha256.New224,
	"hmac-sha256": sha256.New,
	"hmac-sha384": sha512.New384,
	"hmac-sha512": sha512.New,
}

// parseHMAC reads $hmac-sha256$digest$key (RFC 2104): the digest is hexadecimal, and that text is in base64.
func parseHMAC(hash string) (digest, error) {
	s := split(hash)
	function, text, key := hmacHashes[s.next()], s.bytes(1, maxPart), s.bytes(1, maxPart)
	want, err := hex.DecodeString(string(text))
	if !s.end() || err != nil || function == nil || len(want) != function().Size() {
		return digest{}, errMalformed
	}
	return digest{try: func(password string) bool {
		mac := hmac.New(function, key)
		mac.Write([]byte(password))
		return same(mac.Sum(nil), want)
	}}, nil
}
