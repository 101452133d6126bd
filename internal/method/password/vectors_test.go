package password

import (
	"strings"
	"testing"
)

// goodPassword is behind every hash in vectors.
const goodPassword = "correct horse"

// vectors were made with other implementations: libxcrypt, libargon2, OpenSSL, and Python's hashlib.
var vectors = []struct{ name, hash string }{
	{"bcrypt $2a$", `$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`},
	{"bcrypt $2b$", `$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`},
	{"bcrypt $2y$", `$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`},
	{"pbkdf2 sha1", `$pbkdf2-sha1$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQVW6pePKN5ab37G40`},
	{"pbkdf2 sha224", `$pbkdf2-sha224$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$UrjDZXM1sG0TQTxqIhpBncU/VRCD6TblLyeMhMQfCME`},
	{"pbkdf2 sha256", `$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M`},
	{"pbkdf2 sha384", `$pbkdf2-sha384$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$S+KsdiI9hSW1E9Wel0KMjNLLODlvi+nlNRA9/S2RxKA`},
	{"pbkdf2 sha512", `$pbkdf2-sha512$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa+ks4TP71JiecwuQ`},
	{"scrypt", `$scrypt$ln=1024,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg==$I4YuHpx/6xJJ4+sk74hQU+KhW++gPE8aHzXbHijxgzg=`},
	{"firebase scrypt", `$firescrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OQ==$+g0HL5GIrN4mk71Z7SqmtONaW/ueT2GGE15GJ4sjHkI9B6OKnhgE0QdHgQiSRjeVeLpoSet5qrptWWDpKP0wfQ==$Bw==$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==`},
	{"ldap SSHA", `{SSHA}6NCJNQkxhrzMv7QCEmGH4U7h9y4wMTIz`},
	{"ldap SSHA256", `{SSHA256}6AxJMOvSKDH8V1h2a93v5NpJUd5u22yJKvsPB1IRWaswMTIz`},
	{"ldap SSHA512", `{SSHA512}r+YtSylxmQvia7vzqeuj1nxVomDp+HOVd+0MWQmu1FAVgU+c8PdXasnl6H6uj99KSxy61nkR5Kw08JoHIGbZLzAxMjM=`},
	{"sha1, salt first", `$sha1$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$+29SZtqWYnvy7Zd7PXUp8edjixs=`},
	{"sha1, salt in the middle", `$sha1$pf=JCR7UEFTU1dPUkR9L3tTQUxUfSR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$oE6l4WONEkiB+PWcr1xi/dcvVDs=`},
	{"sha256, salt first", `$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$j97FnIGc8CAcMPPA53TDJOFeYZ4BzqOBpemyTkgmPnw=`},
	{"sha256, salt in the middle", `$sha256$pf=JCR7UEFTU1dPUkR9L3tTQUxUfSR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$yFY9ik/iK3Pysw3UBI+Ks+TdpS6NkohnZ7Z8XILhaEY=`},
	{"sha512, salt first", `$sha512$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$uWKMOWy3FqzZfDPg9J7627uM1oVpc0ziH8wm3+mN/r9oQeKcXdnchV/jH9Z5Zmzt8bevnkGU6nsW6+XE9y1+TQ==`},
	{"sha512, salt in the middle", `$sha512$pf=JCR7UEFTU1dPUkR9L3tTQUxUfSR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$7/hPegUqvNGuOHEK5vBPQ7Q5wTMQY5KlhDA8NYMedkUhFRkMn/CTwdRTnOapT9TxIooPF5MUXk3klgloluczZA==`},
	{"md5, salt first", `$md5$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$7oiSanM7cMIUNqj17KZsRQ==`},
	{"md5, salt in the middle", `$md5$pf=JCR7UEFTU1dPUkR9L3tTQUxUfSR7UEFTU1dPUkR9$MDEyMzQ1Njc4OWFiY2RlZg==$Ee5UqP6iWKkfpjyRFXy2wQ==`},
	{"md5 without salt", `$md5$PLTnMmMfR+brlh80VUt83g==`},
	{"md5-crypt", `$md5-crypt$saltsalt$NuzA7WTAelpl95xgBGWN60`},
	{"sha256-crypt", `$sha256-crypt$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/`},
	{"sha512-crypt", `$sha512-crypt$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0`},
	{"md5-crypt without salt", `$md5-crypt$$IfI/mw4YSCwcQoW.D.DSu1`},
	{"sha256-crypt with rounds", `$sha256-crypt$rounds=1234$saltsaltsaltsalt$p1/0NAln6d7r1BtEUw9lRRN60wm6MOI7PcNOfbSZYpD`},
	{"sha512-crypt with rounds", `$sha512-crypt$rounds=1234$saltsaltsaltsalt$ucW8kLn8w759hD.9HYDkUb5bAOz57usxlJLRsiLJUDOk5.MwhPOGgmPrzibV6wPuw66M6BDS8nldevxT9OYvg0`},
	{"hmac md5", `$hmac-md5$NmE2ZTVmZWNkNDAwYmVjMzIwNzMwNzEwMDQ4MzI3NGY=$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac sha1", `$hmac-sha1$N2FhMDllYzJmZjlhYjZkN2RhNzdmMDMwYWFmNzVmNjJlODlmN2U4Yg==$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac sha224", `$hmac-sha224$NzdlNjNjYThjMmFlMDM0ZjdhODcxNDIxNDVhZmQ1NjYyNGY2MGI0MTlkNDNlNmQ0NzliZGQyMzM=$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac sha256", `$hmac-sha256$YzNhMDEyMTVkNjVjNTBmMTM4YTgxYmJlOTZhODFkYWIwMTZiNjk5ZTI5ZTE3OTQ2N2Q3NWI1MjY4MGUxNDdmYQ==$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac sha384", `$hmac-sha384$MTk2YjU0ZjNjNmIzNTM1ZjAzMGZhOGRhZDVmYjhiZTM2ZGUxZjMwY2EwODgzYTZlNjEyOGEyOGE5ZmMzYmQ3MzI3ZjNkYzk4MjI4MjU0ODM5MmM3ZGU2MmNiYzY2YWEx$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac sha512", `$hmac-sha512$ZDMyMWUzYzkxYmE3MzMxNGZlMDYwZjg2ZDc2NWEwMmY0MzIzNGMyZDEwMDViYWIwNTAyZGI1NTIyNzAyNTdjYTM4ZDRjMjlhNmU4ZjM0NzA2NzNkMmZkODMzNjQ3ZWE2ZDBhMWE0ZjA5NWFlNGNhOWU5YWEyN2Q1ZGYzN2JjODY=$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"hmac md4", `$hmac-md4$N2VkMDQxNTg1YmM3MGZkMzE2Mzk3MjdjZjVkNDNlMDU=$MDEyMzQ1Njc4OWFiY2RlZg==`},
	{"argon2id", `$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ehqGRlXhNY90u1mXokuaGpor9OaG4WSZVb4jCfev4ys`},
	{"argon2i", `$argon2i$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$JJ/ZDykYOnhMabOK2tGFjoWMyIA2jiyUS51az8rbHG4`},
}

func TestVectors(t *testing.T) {
	h := quick(t)
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if err := CheckImported(v.hash); err != nil {
				t.Errorf("CheckImported: %v", err)
			}
			for password, want := range map[string]bool{
				goodPassword: true, "correct hors": false, "Correct horse": false, "correct horse!": false, "": false,
			} {
				match, stale, err := h.Verify(t.Context(), password, v.hash)
				if err != nil || match != want || stale != want {
					t.Errorf("Verify(%q) = %v, %v, %v", password, match, stale, err)
				}
			}
		})
	}
}

func TestEveryFormatHasAVector(t *testing.T) {
	for _, f := range formats {
		found := false
		for _, v := range vectors {
			found = found || strings.HasPrefix(v.hash, f.prefix)
		}
		if !found {
			t.Errorf("no vector begins with %s", f.prefix)
		}
	}
}

func TestPaddingIsOptional(t *testing.T) {
	h := quick(t)
	for _, hash := range []string{
		"$scrypt$ln=1024,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$I4YuHpx/6xJJ4+sk74hQU+KhW++gPE8aHzXbHijxgzg",
		"$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg==$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M=",
	} {
		if match, _, err := h.Verify(t.Context(), goodPassword, hash); err != nil || !match {
			t.Errorf("Verify(%s) = %v, %v", hash, match, err)
		}
	}
}

func TestBcryptLooksAt72Bytes(t *testing.T) {
	h := quick(t)
	const hash = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i" // of 80 bytes
	for n, want := range map[int]bool{71: false, 72: true, 80: true, 1024: true, 1025: false} {
		match, _, err := h.Verify(t.Context(), strings.Repeat("x", n), hash)
		if err != nil || match != want {
			t.Errorf("%d bytes: %v, %v", n, match, err)
		}
	}
}
