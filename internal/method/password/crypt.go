package password

import (
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// parseMD5Crypt reads $md5-crypt$salt$key, which is what crypt(3) writes with another name in front.
func parseMD5Crypt(hash string) (digest, error) {
	s := split(hash)
	s.next()
	salt, key := s.next(), s.next()
	if !s.end() || len(salt) > md5crypt.SaltLengthMax || len(key) != 22 {
		return digest{}, errMalformed
	}
	return cryptDigest(md5crypt.Decode("$1$" + salt + "$" + key))
}

// shaCryptKeys are the lengths of the keys in crypt(3)'s base64, and the names that crypt(3) has for the formats.
var shaCryptKeys = map[string]struct {
	id     string
	length int
}{"sha256-crypt": {"$5$", 43}, "sha512-crypt": {"$6$", 86}}

// parseSHACrypt reads $sha256-crypt$rounds=n$salt$key; without rounds there were 5000.
func parseSHACrypt(hash string) (digest, error) {
	s := split(hash)
	kind, rounds := shaCryptKeys[s.next()], uint64(shacrypt.IterationsDefaultOmitted)
	inside := kind.id + strings.Join(s.rest, "$")
	if len(s.rest) == 3 {
		rounds = s.numbers("rounds")[0]
	}
	salt, key := s.next(), s.next()
	if !s.end() || len(salt) > shacrypt.SaltLengthMax || len(key) != kind.length || rounds < shacrypt.IterationsMin {
		return digest{}, errMalformed
	}
	if rounds > maxShaRounds {
		// Such a hash is never computed, and its rounds may not even fit where the decoder puts them.
		return digest{costs: []cost{shaRounds(rounds)}}, nil
	}
	d, err := cryptDigest(shacrypt.Decode(inside))
	d.costs = []cost{shaRounds(rounds)}
	return d, err
}

const maxShaRounds = 1_000_000

func shaRounds(n uint64) cost { return cost{"sha-crypt rounds", n, maxShaRounds, maxShaRounds} }

func cryptDigest(d algorithm.Digest, err error) (digest, error) {
	if err != nil {
		return digest{}, errMalformed
	}
	return digest{try: d.Match}, nil
}
