package password

import (
	"fmt"
	"math"

	"golang.org/x/crypto/argon2"
)

// argon2Costs has wide ceilings: what an operator configured is computed even when an import could not ask for it.
func argon2Costs(kib, iterations, lanes uint64) []cost {
	return []cost{
		{"argon2 memory in KiB", kib, 1 << 20, 4 << 20},
		{"argon2 iterations", iterations, 10, 1000},
		{"argon2 parallelism", lanes, 16, math.MaxUint8},
	}
}

// parseArgon2 reads $argon2id$v=19$m=KiB,t=iterations,p=lanes$salt$key, and argon2i likewise (RFC 9106).
func parseArgon2(hash string) (digest, error) {
	s := split(hash)
	name, version, n := s.next(), s.next(), s.numbers("m", "t", "p")
	salt, key := s.bytes(0, maxPart), s.bytes(minKey, maxPart)
	kib, t, lanes := n[0], n[1], n[2]
	if !s.end() || version != "v=19" || t < 1 || lanes < 1 || kib/8 < lanes {
		return digest{}, errMalformed
	}
	derive := argon2.Key
	if name == "argon2id" {
		derive = argon2.IDKey
	}
	return digest{
		settings: fmt.Sprintf("%s m=%d t=%d p=%d salt=%d key=%d", name, kib, t, lanes, len(salt), len(key)),
		memory:   kib * 1024,
		costs:    argon2Costs(kib, t, lanes),
		try: func(password string) bool {
			return same(derive([]byte(password), salt, uint32(t), uint32(kib), uint8(lanes), uint32(len(key))), key)
		},
	}, nil
}
