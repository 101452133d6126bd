package password

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	quickArgon2 = Params{Algorithm: "argon2", Memory: 64 << 10, Iterations: 1, Parallelism: 2, SaltLength: 16, KeyLength: 32}
	quickBcrypt = Params{Algorithm: "bcrypt", BcryptCost: 4}
)

func newHasher(t testing.TB, p Params) *Hasher {
	t.Helper()
	h, err := NewHasher(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// quick makes a hasher whose parameters no vector has.
func quick(t testing.TB) *Hasher { return newHasher(t, quickArgon2) }

func TestHashFormats(t *testing.T) {
	for _, c := range []struct {
		params Params
		format string
	}{
		{quickArgon2, `^\$argon2id\$v=19\$m=64,t=1,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`},
		{quickBcrypt, `^\$2a\$04\$[./A-Za-z0-9]{53}$`},
	} {
		hash, err := newHasher(t, c.params).Hash(t.Context(), goodPassword)
		if err != nil || !regexp.MustCompile(c.format).MatchString(hash) {
			t.Errorf("%s: %q, %v", c.params.Algorithm, hash, err)
		}
	}
}

func TestOwnHashesVerify(t *testing.T) {
	for _, p := range []Params{quickArgon2, quickBcrypt} {
		h := newHasher(t, p)
		rapid.Check(t, func(t *rapid.T) {
			password := rapid.StringN(0, 72, 72).Draw(t, "password")
			hash, err := h.Hash(context.Background(), password)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckImported(hash); err != nil {
				t.Fatalf("CheckImported: %v", err)
			}
			if match, stale, err := h.Verify(context.Background(), password, hash); !match || stale || err != nil {
				t.Fatalf("Verify = %v, %v, %v", match, stale, err)
			}
			if match, stale, err := h.Verify(context.Background(), "other "+password, hash); match || stale || err != nil {
				t.Fatalf("Verify with another password = %v, %v, %v", match, stale, err)
			}
		})
	}
}

func TestTwoHashesDiffer(t *testing.T) {
	h := quick(t)
	a, _ := h.Hash(t.Context(), goodPassword)
	b, _ := h.Hash(t.Context(), goodPassword)
	if a == b {
		t.Error("the salt is not random")
	}
}

func TestStale(t *testing.T) {
	changed := func(change func(*Params)) Params {
		p := quickArgon2
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		made, now Params
		stale     bool
	}{
		"same argon2":                 {quickArgon2, quickArgon2, false},
		"same bcrypt":                 {quickBcrypt, quickBcrypt, false},
		"argon2 becomes bcrypt":       {quickArgon2, quickBcrypt, true},
		"bcrypt becomes argon2":       {quickBcrypt, quickArgon2, true},
		"bcrypt with another cost":    {quickBcrypt, Params{Algorithm: "bcrypt", BcryptCost: 5}, true},
		"another memory":              {changed(func(p *Params) { p.Memory *= 2 }), quickArgon2, true},
		"other iterations":            {changed(func(p *Params) { p.Iterations = 2 }), quickArgon2, true},
		"another parallelism":         {changed(func(p *Params) { p.Parallelism = 1 }), quickArgon2, true},
		"another salt length":         {changed(func(p *Params) { p.SaltLength = 8 }), quickArgon2, true},
		"another key length":          {changed(func(p *Params) { p.KeyLength = 16 }), quickArgon2, true},
		"another bound on all memory": {changed(func(p *Params) { p.DedicatedMemory = 1 << 20 }), quickArgon2, false},
	} {
		hash, err := newHasher(t, c.made).Hash(t.Context(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		match, stale, err := newHasher(t, c.now).Verify(t.Context(), goodPassword, hash)
		if err != nil || !match || stale != c.stale {
			t.Errorf("%s: %v, %v, %v", name, match, stale, err)
		}
	}
}

// Whether a user exists, has a password, or has one of another format: the configured work is done once.
func TestEveryRefusalCostsOneConfiguredHash(t *testing.T) {
	h := quick(t)
	var own, other int
	h.observe = func(d digest) {
		if d.settings == h.dummy.settings {
			own++
		} else {
			other++
		}
	}
	mine, err := h.Hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	imported := vectors[0].hash
	for name, c := range map[string]struct {
		password, hash string
		own, other     int
		match          bool
	}{
		"unknown user":                 {goodPassword, "", 1, 0, false},
		"malformed hash":               {goodPassword, "$argon2id$v=19$", 1, 0, false},
		"hash over the ceiling":        {goodPassword, "$scrypt$ln=1073741824,r=8,p=1$MDEyMzQ1Njc4$MDEyMzQ1Njc4", 1, 0, false},
		"wrong password":               {"wrong", mine, 1, 0, false},
		"right password":               {goodPassword, mine, 1, 0, true},
		"imported hash, wrong":         {"wrong", imported, 1, 1, false},
		"imported hash, right":         {goodPassword, imported, 0, 1, true},
		"too long a password":          {strings.Repeat("x", 1025), mine, 1, 0, false},
		"too long, imported":           {strings.Repeat("x", 1025), imported, 1, 0, false},
		"too long and an unknown user": {strings.Repeat("x", 1<<20), "", 1, 0, false},
	} {
		own, other = 0, 0
		match, _, err := h.Verify(t.Context(), c.password, c.hash)
		if err != nil || match != c.match || own != c.own || other != c.other {
			t.Errorf("%s: match %v, %d configured and %d other computations, %v", name, match, own, other, err)
		}
	}
}

func TestLongPasswords(t *testing.T) {
	for _, c := range []struct {
		params Params
		limit  int
	}{{quickArgon2, 1024}, {quickBcrypt, 72}} {
		h := newHasher(t, c.params)
		if h.MaxLength() != c.limit {
			t.Errorf("%s: MaxLength = %d", c.params.Algorithm, h.MaxLength())
		}
		if _, err := h.Hash(t.Context(), strings.Repeat("x", c.limit)); err != nil {
			t.Errorf("%s at the limit: %v", c.params.Algorithm, err)
		}
		_, err := h.Hash(t.Context(), strings.Repeat("x", c.limit+1))
		if !errors.Is(err, ErrTooLong) || strings.Contains(err.Error(), "xx") {
			t.Errorf("%s over the limit: %v", c.params.Algorithm, err)
		}
	}
}

// Nothing better could be stored, so the caller must not be sent to try.
func TestPasswordTooLongForTheNewAlgorithmIsNotStale(t *testing.T) {
	long := strings.Repeat("x", 73)
	hash, err := quick(t).Hash(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	match, stale, err := newHasher(t, quickBcrypt).Verify(t.Context(), long, hash)
	if err != nil || !match || stale {
		t.Errorf("Verify = %v, %v, %v", match, stale, err)
	}
}

func TestParamsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"unknown algorithm":       func(p *Params) { p.Algorithm = "md5" },
		"no algorithm":            func(p *Params) { p.Algorithm = "" },
		"bcrypt without a cost":   func(p *Params) { p.Algorithm = "bcrypt" },
		"bcrypt below its least":  func(p *Params) { *p = Params{Algorithm: "bcrypt", BcryptCost: 3} },
		"bcrypt of a negative":    func(p *Params) { *p = Params{Algorithm: "bcrypt", BcryptCost: -1} },
		"bcrypt over the ceiling": func(p *Params) { *p = Params{Algorithm: "bcrypt", BcryptCost: 21} },
		"no iterations":           func(p *Params) { p.Iterations = 0 },
		"too many iterations":     func(p *Params) { p.Iterations = 1001 },
		"no lanes":                func(p *Params) { p.Parallelism = 0 },
		"too many lanes":          func(p *Params) { p.Parallelism, p.Memory = 256, 1<<30 },
		"too little memory":       func(p *Params) { p.Memory = 15 << 10 },
		"too much memory":         func(p *Params) { p.Memory = 5 << 30 },
		"short salt":              func(p *Params) { p.SaltLength = 7 },
		"long salt":               func(p *Params) { p.SaltLength = 1025 },
		"short key":               func(p *Params) { p.KeyLength = 0 },
		"long key":                func(p *Params) { p.KeyLength = 1025 },
	} {
		p := quickArgon2
		change(&p)
		if _, err := NewHasher(p); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
