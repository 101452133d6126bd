package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
)

// pbkdf2Hashes are the functions by name. That sha224 and sha384 are of the SHA-3 family is what the format has always
// meant; hashes in use rely on it.
var pbkdf2Hashes = map[string]func() hash.Hash{
	"pbkdf2-sha1":   sha1.New,
	"pbkdf2-sha224": func() hash.Hash { return sha3.New224() },
	"pbkdf2-sha256": sha256.New,
	"pbkdf2-sha384": func() hash.Hash { return sha3.New384() },
	"pbkdf2-sha512": sha512.New,
}

const maxIterations = 10_000_000

// parsePBKDF2 reads $pbkdf2-sha256$i=iterations,l=length$salt$key (RFC 8018). The length is that of the key, whatever l says.
func parsePBKDF2(hash string) (digest, error) {
	s := split(hash)
	function, n := pbkdf2Hashes[s.next()], s.numbers("i", "l")
	salt, key := s.bytes(0, maxPart), s.bytes(minKey, maxPart)
	if !s.end() || function == nil || n[0] < 1 {
		return digest{}, errMalformed
	}
	blocks := uint64((len(key)-1)/function().Size() + 1)
	return digest{
		costs: []cost{
			{"pbkdf2 iterations", n[0], maxIterations, maxIterations},
			{"pbkdf2 iterations times blocks of key", n[0] * blocks, 4 * maxIterations, 4 * maxIterations},
		},
		try: func(password string) bool {
			got, err := pbkdf2.Key(function, password, salt, int(n[0]), len(key))
			return err == nil && same(got, key)
		},
	}, nil
}
