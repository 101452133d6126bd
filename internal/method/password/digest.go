package password

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"exeunt/internal/fault"
)

// What CheckImported answers.
var (
	// ErrUnknownHash means that an imported hash is of no known format, or malformed.
	ErrUnknownHash = fault.New(fault.Invalid, "password_hash_unknown", "The imported password does not match any known hash format.")
	// ErrHashCost means that an imported hash asks for more work than one login may cost. The reason names the parameter.
	ErrHashCost = fault.New(fault.Invalid, "password_hash_cost", "The imported password hash asks for too much work.")
)

// formats are all stored hashes that are understood, by how they begin.
var formats = []struct {
	prefix string
	parse  func(hash string) (digest, error)
}{
	{"$argon2id$", parseArgon2},
	{"$argon2i$", parseArgon2},
	{"$2", parseBcrypt},
	{"$pbkdf2-", parsePBKDF2},
	{"$scrypt$", parseScrypt},
	{"$firescrypt$", parseFirescrypt},
	{"{SSHA", parseLDAP},
	{"$sha1$", parseTemplate},
	{"$sha256$", parseTemplate},
	{"$sha512$", parseTemplate},
	{"$md5$", parseMD5},
	{"$md5-crypt$", parseMD5Crypt},
	{"$sha256-crypt$", parseSHACrypt},
	{"$sha512-crypt$", parseSHACrypt},
	{"$hmac-", parseHMAC},
}

// digest is a stored hash, taken apart.
type digest struct {
	text     string // the hash as it is stored
	settings string // algorithm and parameters of the formats that a Hasher can make; empty for all others
	memory   uint64 // bytes that trying a password takes, if that is much
	costs    []cost

	// try reports whether the password fits. It may be called only when the costs are affordable.
	try func(password string) bool
}

// cost is a parameter that decides how much work a hash asks for.
type cost struct {
	name     string
	value    uint64
	imported uint64 // the most that an imported hash may ask for
	ceiling  uint64 // the most that is ever computed
}

// CheckImported judges a hash that comes from another system: [ErrUnknownHash] unless some format fits, [ErrHashCost]
// when verifying it would take too long. The errors tell nothing of the hash but its cost.
func CheckImported(hash string) error {
	d, err := parse(hash)
	if err != nil {
		return ErrUnknownHash
	}
	for _, c := range d.costs {
		if c.value > c.imported {
			return ErrHashCost.Saying("The imported password hash asks for too much work: %s is %d, but at most %d is allowed.",
				c.name, c.value, c.imported)
		}
	}
	return nil
}

// affordable refuses to compute what is over a ceiling.
func affordable(costs []cost) error {
	for _, c := range costs {
		if c.value > c.ceiling {
			return fmt.Errorf("%s is %d, but at most %d is possible", c.name, c.value, c.ceiling)
		}
	}
	return nil
}

// errMalformed is the one answer of all parsers: nobody may see more of a hash.
var errMalformed = errors.New("malformed password hash")

func parse(hash string) (digest, error) {
	if len(hash) > maxHash || strings.ContainsFunc(hash, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return digest{}, errMalformed
	}
	for _, f := range formats {
		if strings.HasPrefix(hash, f.prefix) {
			d, err := f.parse(hash)
			d.text = hash
			return d, err
		}
	}
	return digest{}, errMalformed
}

// same compares in constant time. An empty key fits nothing.
func same(got, key []byte) bool {
	return len(key) > 0 && subtle.ConstantTimeCompare(got, key) == 1
}
