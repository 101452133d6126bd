package password

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

// saltedHashes are the functions of which plain hashes are made, by the name that stands in the hash.
var saltedHashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New,
	"{SSHA}": sha1.New, "{SSHA256}": sha256.New, "{SSHA512}": sha512.New,
}

// parseLDAP reads {SSHA}base64 and its kin (RFC 2307 and its successors): the hash of password and salt, then the salt.
func parseLDAP(hash string) (digest, error) {
	i := strings.IndexByte(hash, '}')
	function := saltedHashes[hash[:i+1]]
	data, err := unbase64(hash[i+1:])
	if function == nil || err != nil {
		return digest{}, errMalformed
	}
	size := function().Size()
	if len(data) <= size || len(data) > size+maxPart {
		return digest{}, errMalformed
	}
	return plain(function, data[:size], func(password string) string { return password + string(data[size:]) }), nil
}

// parseTemplate reads $sha1$pf=template$salt$hash. The template, in base64, says what was hashed: a text in which
// {SALT} and {PASSWORD} stand for the two. Without the password in it, every password would fit.
func parseTemplate(hash string) (digest, error) {
	s := split(hash)
	function, template, salt := saltedHashes[s.next()], s.named("pf", 1, maxPart), s.bytes(0, maxPart)
	key := s.bytes(1, maxPart)
	if !s.end() || !bytes.Contains(template, []byte("{PASSWORD}")) || len(key) != function().Size() {
		return digest{}, errMalformed
	}
	return plain(function, key, func(password string) string {
		return strings.NewReplacer("{SALT}", string(salt), "{PASSWORD}", password).Replace(string(template))
	}), nil
}

// parseMD5 reads $md5$hash, without a salt, or else what parseTemplate reads.
func parseMD5(hash string) (digest, error) {
	s := split(hash)
	s.next()
	if len(s.rest) != 1 {
		return parseTemplate(hash)
	}
	key := s.bytes(md5.Size, md5.Size)
	if !s.end() {
		return digest{}, errMalformed
	}
	return plain(md5.New, key, func(password string) string { return password }), nil
}

// plain is one run of a hash function over what prepare makes of the password.
func plain(function func() hash.Hash, key []byte, prepare func(password string) string) digest {
	return digest{try: func(password string) bool {
		h := function()
		h.Write([]byte(prepare(password)))
		return same(h.Sum(nil), key)
	}}
}
