package password

import (
	"crypto/aes"
	"crypto/cipher"
	"math/bits"
	"slices"

	"golang.org/x/crypto/scrypt"
)

// parseScrypt reads $scrypt$ln=N,r=block,p=parallel$salt$key (RFC 7914). N is written out and is not its logarithm,
// although it is called ln.
func parseScrypt(hash string) (digest, error) {
	s := split(hash)
	s.next()
	n := s.numbers("ln", "r", "p")
	salt, key := s.bytes(0, maxPart), s.bytes(minKey, maxPart)
	if !s.end() || n[0] < 2 || bits.OnesCount64(n[0]) != 1 || n[1] < 1 || n[2] < 1 {
		return digest{}, errMalformed
	}
	return digest{
		memory: 128 * n[0] * n[1],
		costs:  append(scryptCosts(n[1], n[2]), cost{"scrypt N", n[0], 1 << 17, 1 << 17}),
		try: func(password string) bool {
			got, err := scrypt.Key([]byte(password), salt, int(n[0]), int(n[1]), int(n[2]), len(key))
			return err == nil && same(got, key)
		},
	}, nil
}

func scryptCosts(r, p uint64) []cost {
	return []cost{{"scrypt r", r, 8, 8}, {"scrypt p", p, 10, 10}}
}

// parseFirescrypt reads $firescrypt$ln=log2(N),r=block,p=parallel$salt$hash$separator$signerKey. The hash is the
// signer key, encrypted (AES-256-CTR, no IV) with the key that scrypt derives from the password.
func parseFirescrypt(hash string) (digest, error) {
	s := split(hash)
	s.next()
	n := s.numbers("ln", "r", "p")
	salt, want := s.bytes(0, maxPart), s.bytes(minKey, maxPart)
	separator, signer := s.bytes(0, maxPart), s.bytes(minKey, maxPart)
	if !s.end() || len(want) != len(signer) || n[0] < 1 || n[1] < 1 || n[2] < 1 {
		return digest{}, errMalformed
	}
	salt = slices.Concat(salt, separator)
	return digest{
		memory: 128 << n[0] * n[1],
		costs:  append(scryptCosts(n[1], n[2]), cost{"firescrypt ln", n[0], 17, 17}),
		try: func(password string) bool {
			key, err := scrypt.Key([]byte(password), salt, 1<<n[0], int(n[1]), int(n[2]), 32)
			return err == nil && same(encrypt(key, signer), want)
		},
	}, nil
}

func encrypt(key, text []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(text))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, text)
	return out
}
