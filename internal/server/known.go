package server

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
)

// A browser in which somebody has signed in, with all factors, keeps a mark for each of the last few people who have. It
// has their tries of passwords and codes counted apart from everybody else's, so that nobody can lock them out. It names
// nobody, and lets nobody in.
const (
	knownCookie = "exeunt_known"
	knownAge    = 180 * 24 * time.Hour
	knownMarks  = 4 // people
)

// mark is a moment in hours and random bytes, and a proof of whom they were given for.
type mark [12 + 16]byte

func newMark(key []byte, id identity.ID, now time.Time) (m mark) {
	binary.BigEndian.PutUint32(m[:], uint32(now.Unix()/3600))
	_, _ = rand.Read(m[4:12]) // never fails: crypto/rand ends the program instead
	copy(m[12:], m.proof(key, id))
	return m
}

func (m mark) proof(key []byte, id identity.ID) []byte {
	return mac(key, "known", append(id[:], m[:12]...))[:len(m)-12]
}

// is reports whether the mark was given for somebody, and not too long ago.
func (m mark) is(keys [][]byte, id identity.ID, now time.Time) bool {
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(m[:]))*3600, 0))
	genuine := false
	for _, key := range keys {
		genuine = hmac.Equal(m.proof(key, id), m[12:]) || genuine
	}
	return genuine && age < knownAge
}

// marks reads those that a browser has sent; what is none is passed over.
func marks(r *http.Request) (all []mark) {
	for _, c := range r.CookiesNamed(knownCookie) {
		for text := range strings.SplitSeq(c.Value, ".") {
			b, err := base64.RawURLEncoding.Strict().DecodeString(text)
			if err == nil && len(b) == len(mark{}) && len(all) < 2*knownMarks {
				all = append(all, mark(b))
			}
		}
	}
	return all
}

// knows returns how a browser is known to somebody; see flow.Input.
func (s *Server) knows(r *http.Request) func(identity.ID) string {
	return func(id identity.ID) string {
		for _, m := range marks(r) {
			if m.is(s.Keys, id, s.Sessions.Moment()) {
				return base64.RawURLEncoding.EncodeToString(m[:12])
			}
		}
		return ""
	}
}

// getToKnow gives the browser of a person who has shown all factors a mark, in place of one that was for the same person.
// Where nothing is bounded, it would be of no use.
func (p *post) getToKnow(result *flow.Result) {
	if p.FailedAttempts == 0 || result.Session == nil || result.Session.AAL < result.Identity.AvailableAAL {
		return
	}
	id, now := result.Identity.ID, p.Sessions.Moment()
	kept := []mark{newMark(p.Keys[0], id, now)}
	for _, m := range marks(p.r) {
		if len(kept) < knownMarks && !m.is(p.Keys, id, now) {
			kept = append(kept, m)
		}
	}
	texts := make([]string, len(kept))
	for i, m := range kept {
		texts[i] = base64.RawURLEncoding.EncodeToString(m[:])
	}
	p.keep(p.w, knownCookie, strings.Join(texts, "."), int(knownAge/time.Second))
}
