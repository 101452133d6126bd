package password

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Params say how new passwords are hashed. There are no defaults but the one of DedicatedMemory; [NewHasher] refuses
// what cannot be computed.
type Params struct {
	Algorithm string // "argon2" (argon2id, RFC 9106) or "bcrypt"

	Memory      uint64 // argon2: bytes for one computation, at least 8 KiB for each lane; rounded down to KiB
	Iterations  uint32 // argon2: passes over the memory
	Parallelism uint32 // argon2: lanes, at most 255
	SaltLength  uint32 // argon2: bytes, 8 to 1024
	KeyLength   uint32 // argon2: bytes, 8 to 1024

	BcryptCost int // bcrypt: log2 of the rounds, 4 to 20

	DedicatedMemory uint64 // bytes that all computations together may use; zero means 1 GiB
	AtOnce          int    // hashes that are computed at once; zero for as many as there are processors
}

// make hashes password as the parameters say. It does not check them: that is done once, by check.
func (p Params) make(password string) (string, error) {
	if p.Algorithm == "bcrypt" {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), p.BcryptCost)
		return string(hash), err
	}
	salt := random(p.SaltLength)
	key := argon2.IDKey([]byte(password), salt, p.Iterations, p.kib(), uint8(p.Parallelism), p.KeyLength)
	return p.phc(salt, key), nil
}

func (p Params) kib() uint32 { return uint32(p.Memory / 1024) }

func random(bytes uint32) []byte {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// phc writes an argon2id hash in the PHC string format.
func (p Params) phc(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.kib(), p.Iterations, p.Parallelism,
		raw64.EncodeToString(salt), raw64.EncodeToString(key))
}

// decoy makes a hash at random, which takes as long to try as any other and fits no password. Nothing is computed for it.
func (p Params) decoy() string {
	if p.Algorithm == "bcrypt" {
		return fmt.Sprintf("$2a$%02d$%s", p.BcryptCost, strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(random(40)), "+", ".")[:53])
	}
	return p.phc(random(p.SaltLength), random(p.KeyLength))
}

// check finds parameters that cannot be computed, or that nobody should wait for.
func (p Params) check() error {
	switch p.Algorithm {
	case "bcrypt":
		if p.BcryptCost < bcrypt.MinCost {
			return fmt.Errorf("bcrypt cost is %d, but must be at least %d", p.BcryptCost, bcrypt.MinCost)
		}
		return affordable([]cost{bcryptCost(uint64(p.BcryptCost))})
	case "argon2":
		return p.checkArgon2()
	}
	return fmt.Errorf("unknown algorithm %q; use argon2 or bcrypt", p.Algorithm)
}

func (p Params) checkArgon2() error {
	kib, t, lanes := p.Memory/1024, uint64(p.Iterations), uint64(p.Parallelism)
	if t < 1 || lanes < 1 || kib < 8*lanes {
		return fmt.Errorf("argon2 needs at least one iteration, one lane, and 8 KiB of memory for each lane")
	}
	for name, n := range map[string]uint32{"salt": p.SaltLength, "key": p.KeyLength} {
		if n < minKey || n > maxPart {
			return fmt.Errorf("argon2 %s length is %d, but must be %d to %d bytes", name, n, minKey, maxPart)
		}
	}
	return affordable(argon2Costs(kib, t, lanes))
}

// maxLength returns how many bytes of a password the algorithm takes.
func (p Params) maxLength() int {
	if p.Algorithm == "bcrypt" {
		return maxBcrypt
	}
	return maxPassword
}
