package password

import (
	"fmt"
	"regexp"

	"golang.org/x/crypto/bcrypt"
)

// maxBcrypt is how many bytes of a password bcrypt looks at.
const maxBcrypt = 72

var bcryptHash = regexp.MustCompile(`^\$2[abyz]?\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

func bcryptCost(n uint64) cost { return cost{"bcrypt cost", n, 15, 20} }

// parseBcrypt reads $2a$cost$ and salt and key in bcrypt's own base64.
//
// Trying a long password looks at its first 72 bytes, as every system did that hashed one.
func parseBcrypt(hash string) (digest, error) {
	m := bcryptHash.FindStringSubmatch(hash)
	if m == nil {
		return digest{}, errMalformed
	}
	n, _ := number(m[1])
	if n < uint64(bcrypt.MinCost) {
		return digest{}, errMalformed
	}
	return digest{
		settings: fmt.Sprintf("bcrypt %d", n),
		costs:    []cost{bcryptCost(n)},
		try: func(password string) bool {
			return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password[:min(len(password), maxBcrypt)])) == nil
		},
	}, nil
}
