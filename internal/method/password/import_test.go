package password

import (
	"errors"
	"strings"
	"testing"

	"exeunt/internal/fault"
)

const (
	salt8  = "MDEyMzQ1Njc"                                 // 8 bytes
	key32  = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY" // 32 bytes
	tail53 = "abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
)

func TestImportLimits(t *testing.T) {
	crypt43, crypt86 := strings.Repeat("a", 43), strings.Repeat("a", 86)
	for _, c := range []struct{ at, over, reason string }{
		{"$2a$15$" + tail53, "$2a$16$" + tail53, "bcrypt cost is 16, but at most 15"},
		{"$2y$15$" + tail53, "$2y$99$" + tail53, "bcrypt cost is 99"},
		{"$argon2id$v=19$m=1048576,t=1,p=1$" + salt8 + "$" + key32, "$argon2id$v=19$m=1048577,t=1,p=1$" + salt8 + "$" + key32, "memory in KiB is 1048577, but at most 1048576"},
		{"$argon2i$v=19$m=128,t=10,p=16$" + salt8 + "$" + key32, "$argon2i$v=19$m=128,t=11,p=16$" + salt8 + "$" + key32, "iterations is 11, but at most 10"},
		{"$argon2id$v=19$m=512,t=1,p=16$" + salt8 + "$" + key32, "$argon2id$v=19$m=512,t=1,p=17$" + salt8 + "$" + key32, "parallelism is 17, but at most 16"},
		{"$argon2id$v=19$m=512,t=1,p=1$" + salt8 + "$" + key32, "$argon2id$v=19$m=99999999999999999999999,t=1,p=1$" + salt8 + "$" + key32, "at most 1048576"},
		{"$pbkdf2-sha256$i=10000000,l=32$" + salt8 + "$" + key32, "$pbkdf2-sha256$i=10000001,l=32$" + salt8 + "$" + key32, "iterations is 10000001, but at most 10000000"},
		{"$pbkdf2-sha1$i=10000000,l=80$" + salt8 + "$" + strings.Repeat("abcd", 26), "$pbkdf2-sha1$i=10000000,l=81$" + salt8 + "$" + strings.Repeat("abcd", 27), "times blocks of key is 50000000"},
		{"$scrypt$ln=131072,r=8,p=10$" + salt8 + "$" + key32, "$scrypt$ln=262144,r=8,p=10$" + salt8 + "$" + key32, "scrypt N is 262144, but at most 131072"},
		{"$scrypt$ln=2,r=8,p=10$" + salt8 + "$" + key32, "$scrypt$ln=2,r=9,p=10$" + salt8 + "$" + key32, "scrypt r is 9, but at most 8"},
		{"$scrypt$ln=2,r=8,p=10$" + salt8 + "$" + key32, "$scrypt$ln=2,r=8,p=11$" + salt8 + "$" + key32, "scrypt p is 11, but at most 10"},
		{"$firescrypt$ln=17,r=8,p=1$" + salt8 + "$" + key32 + "$Bw==$" + key32, "$firescrypt$ln=18,r=8,p=1$" + salt8 + "$" + key32 + "$Bw==$" + key32, "ln is 18, but at most 17"},
		{"$sha256-crypt$rounds=1000000$salt$" + crypt43, "$sha256-crypt$rounds=1000001$salt$" + crypt43, "rounds is 1000001, but at most 1000000"},
		{"$sha512-crypt$rounds=1000$salt$" + crypt86, "$sha512-crypt$rounds=99999999999$salt$" + crypt86, "rounds is 99999999999"},
	} {
		if err := CheckImported(c.at); err != nil {
			t.Errorf("%s: %v", c.at, err)
		}
		err := CheckImported(c.over)
		if !errors.Is(err, ErrHashCost) || !strings.Contains(fault.From(err).Reason, c.reason) {
			t.Errorf("%s: %v", c.over, err)
		}
	}
}

func TestMalformedHashes(t *testing.T) {
	h := quick(t)
	md5, long := "CY9rzUYh03PK3k6DJie09g==", strings.Repeat("abcd", 342) // long is 1026 bytes
	for _, hash := range []string{
		"", "$", "$$", "plain", "{", "{}", "$unknown$x", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60", "{SHA}" + md5, "{MD5}" + md5,
		"$2", "$2$", "$2a$", "$2c$04$" + tail53, "$2a$03$" + tail53, "$2a$4$" + tail53, "$2a$04$" + tail53 + "x", "$2a$04$" + tail53[1:], "$2a$-4$" + tail53,
		"$argon2id$", "$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$", "$argon2id$v=19$m=64,t=1,p=1$" + salt8, "$argon2id$m=64,t=1,p=1$" + salt8 + "$" + key32,
		"$argon2id$v=16$m=64,t=1,p=1$" + salt8 + "$" + key32, "$argon2d$v=19$m=64,t=1,p=1$" + salt8 + "$" + key32,
		"$argon2id$v=19$m=64,t=0,p=1$" + salt8 + "$" + key32, "$argon2id$v=19$m=64,t=1,p=0$" + salt8 + "$" + key32, "$argon2id$v=19$m=15,t=1,p=2$" + salt8 + "$" + key32,
		"$argon2id$v=19$m=64,p=1,t=1$" + salt8 + "$" + key32, "$argon2id$v=19$m=64,t=1,p=1,x=1$" + salt8 + "$" + key32, "$argon2id$v=19$m=+64,t=1,p=1$" + salt8 + "$" + key32,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + key32 + "$", "$argon2id$v=19$m=64,t=1,p=1$" + long + "$" + key32, "$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + long,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$MDEyMzQ1Ng", "$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$" + key32 + "\n", "$argon2id$v=19$m=64,t=1,p=1$" + salt8 + "$MDEy*",
		"$pbkdf2-sha2$i=1,l=32$" + salt8 + "$" + key32, "$pbkdf2-sha256$i=0,l=32$" + salt8 + "$" + key32, "$pbkdf2-sha256$i=1,l=32$" + salt8 + "$", "$pbkdf2-sha256$i=1$" + salt8 + "$" + key32,
		"$scrypt$ln=1,r=8,p=1$" + salt8 + "$" + key32, "$scrypt$ln=0,r=8,p=1$" + salt8 + "$" + key32, "$scrypt$ln=1000,r=8,p=1$" + salt8 + "$" + key32,
		"$scrypt$ln=2,r=0,p=1$" + salt8 + "$" + key32, "$scrypt$ln=2,r=8,p=0$" + salt8 + "$" + key32, "$scrypt$ln=2,r=8,p=1$" + salt8 + "$",
		"$firescrypt$ln=0,r=8,p=1$" + salt8 + "$" + key32 + "$Bw==$" + key32, "$firescrypt$ln=10,r=8,p=1$" + salt8 + "$$Bw==$", "$firescrypt$ln=10,r=8,p=1$" + salt8 + "$" + key32 + "$Bw==$" + key32 + key32,
		"{SSHA}", "{SSHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "{SSHA1}6NCJNQkxhrzMv7QCEmGH4U7h9y4wMTIz", "{SSHA", "{SSHA512}6NCJNQkxhrzMv7QCEmGH4U7h9y4wMTIz", "{SSHA}" + long + "abcdabcdabcdabcdabcdabcdabcd",
		"$sha1$", "$sha1$" + md5, "$sha1$pf=$MTIz$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "$sha1$e1BBU1NXT1JEfQ==$MTIz$2qU2SGWP8viTM1md3FiI3+rjWXQ=",
		"$sha1$pf=e1NBTFR9$MTIz$2qU2SGWP8viTM1md3FiI3+rjWXQ=", // a template without {PASSWORD}
		"$sha1$pf=e1BBU1NXT1JEfQ==$MTIz$", "$sha256$pf=e1BBU1NXT1JEfQ==$MTIz$2qU2SGWP8viTM1md3FiI3+rjWXQ=", "$sha224$pf=e1BBU1NXT1JEfQ==$MTIz$" + key32,
		"$md5$", "$md5$$", "$md5$MTIz", "$md5$pf=e1BBU1NXT1JEfQ==$MTIz$", "$md5$" + md5 + "$" + md5,
		"$md5-crypt$", "$md5-crypt$$", "$md5-crypt$$$", "$md5-crypt$NuzA7WTAelpl95xgBGWN60", "$md5-crypt$saltsalts$NuzA7WTAelpl95xgBGWN60",
		"$sha256-crypt$$", "$sha256-crypt$rounds=$salt$x", "$sha256-crypt$rounds=999$salt$" + strings.Repeat("a", 43), "$sha512-crypt$salt$" + strings.Repeat("a", 43),
		"$sha512-crypt$round=1000$salt$" + strings.Repeat("a", 86), "$sha512-crypt$saltsaltsaltsalts$" + strings.Repeat("a", 86), "$sha256-crypt$a$rounds=5000$salt$" + strings.Repeat("a", 43),
		"$hmac-md5$", "$hmac-md5$$", "$hmac-md5$$MTIz", "$hmac-md5$NmE2ZTVmZWNkNDAwYmVjMzIwNzMwNzEwMDQ4MzI3NGY=$", "$hmac-sha3$NmE2ZTVmZWNkNDAwYmVjMzIwNzMwNzEwMDQ4MzI3NGY=$MTIz",
		"$hmac-md5$anp6ZTVmZWNkNDAwYmVjMzIwNzMwNzEwMDQ4MzI3NGY=$MTIz", "$hmac-sha1$NmE2ZTVmZWNkNDAwYmVjMzIwNzMwNzEwMDQ4MzI3NGY=$MTIz",
		"$md5$" + strings.Repeat("A", maxHash), "$md5$CY9rzUYh03PK3k6DJie09ö==",
	} {
		if err := CheckImported(hash); !errors.Is(err, ErrUnknownHash) || fault.From(err).Reason != ErrUnknownHash.Reason {
			t.Errorf("CheckImported(%q): %v", hash, err)
		}
		for _, password := range []string{"", goodPassword} {
			if match, _, err := h.Verify(t.Context(), password, hash); match || err != nil {
				t.Errorf("Verify(%q, %q) = %v, %v", password, hash, match, err)
			}
		}
	}
}

func TestConfiguredCostsMayExceedImportLimits(t *testing.T) {
	p := quickArgon2
	p.Iterations = 11
	h := newHasher(t, p)
	hash, err := h.Hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckImported(hash); !errors.Is(err, ErrHashCost) {
		t.Errorf("CheckImported: %v", err)
	}
	if match, stale, err := h.Verify(t.Context(), goodPassword, hash); !match || stale || err != nil {
		t.Errorf("Verify = %v, %v, %v", match, stale, err)
	}
}
