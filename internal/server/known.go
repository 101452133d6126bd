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

// mark is a moment in hours and random bytes, whom it was given for, what they had shown, and a proof of all that. What
// counts as shown is all that they sign in with: who changes any of it is known again where they sign in next.
type mark [12 + 8 + 8 + 16]byte

func newMark(key []byte, i *identity.Identity, now time.Time) (m mark) {
	binary.BigEndian.PutUint32(m[:], uint32(now.Unix()/3600))
	_, _ = rand.Read(m[4:12]) // never fails: crypto/rand ends the program instead
	copy(m[12:20], m.whose(key, i.ID))
	copy(m[20:28], m.shown(key, i))
	copy(m[28:], m.proof(key))
	return m
}

func (m mark) whose(key []byte, id identity.ID) []byte {
	return mac(key, "known person", append(id[:], m[:12]...))[:8]
}

func (m mark) shown(key []byte, i *identity.Identity) []byte {
	standing := i.Credentials.Standing()
	return mac(key, "known standing", append(standing[:], m[:20]...))[:8]
}

func (m mark) proof(key []byte) []byte { return mac(key, "known", m[:28])[:16] }

// key is the one that the mark was made with; nil for none.
func (m mark) key(keys [][]byte) []byte {
	for _, key := range keys {
		if hmac.Equal(m.proof(key), m[28:]) {
			return key
		}
	}
	return nil
}

// of reports whether the mark was given for somebody, whenever that was and whatever they had shown.
func (m mark) of(keys [][]byte, id identity.ID) bool {
	key := m.key(keys)
	return key != nil && hmac.Equal(m.whose(key, id), m[12:20])
}

// is reports whether the mark was given for somebody, not too long ago, for what they would have to show today.
func (m mark) is(keys [][]byte, i *identity.Identity, now time.Time) bool {
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(m[:]))*3600, 0))
	return age < knownAge && m.of(keys, i.ID) && hmac.Equal(m.shown(m.key(keys), i), m[20:28])
}

// marks reads those that a browser has sent and that were made here, all that fit into a request: whoever plants others
// beside them takes none out of sight.
func marks(r *http.Request, keys [][]byte) (all []mark) {
	for _, c := range r.CookiesNamed(knownCookie) {
		for text := range strings.SplitSeq(c.Value, ".") {
			b, err := base64.RawURLEncoding.Strict().DecodeString(text)
			if err == nil && len(b) == len(mark{}) && mark(b).key(keys) != nil {
				all = append(all, mark(b))
			}
		}
	}
	return all
}

// knows returns how a browser is known to somebody; see flow.Input.
func (s *Server) knows(r *http.Request) func(*identity.Identity) string {
	return func(i *identity.Identity) string {
		for _, m := range marks(r, s.Keys) {
			if m.is(s.Keys, i, s.Sessions.Moment()) {
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
	kept := []mark{newMark(p.Keys[0], result.Identity, p.Sessions.Moment())}
	for _, m := range marks(p.r, p.Keys) {
		if len(kept) < knownMarks && !m.of(p.Keys, result.Identity.ID) {
			kept = append(kept, m)
		}
	}
	texts := make([]string, len(kept))
	for i, m := range kept {
		texts[i] = base64.RawURLEncoding.EncodeToString(m[:])
	}
	p.keep(p.w, knownCookie, strings.Join(texts, "."), int(knownAge/time.Second))
}
