package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"exeunt/internal/fault"
)

// csrfSecret is what the anti-forgery cookie of a browser holds. Forms carry it masked, so that compression cannot be
// used to guess it, and a flow keeps its hash, so that it belongs to the browser that began it.
type csrfSecret [32]byte

const csrfAge = 365 * 24 * 60 * 60 // seconds that the cookie lasts

// csrfName is the name of the anti-forgery cookie of a base address.
func csrfName(base string) string {
	hash := sha256.Sum256([]byte(base))
	return "csrf_token_" + hex.EncodeToString(hash[:])
}

// csrfSecrets are those of a request: one, unless cookies of the same name are set for several paths or domains.
func (s *Server) csrfSecrets(r *http.Request) (all []csrfSecret) {
	for _, c := range r.CookiesNamed(s.csrfCookie) {
		b, err := base64.StdEncoding.Strict().DecodeString(c.Value)
		if err == nil && len(b) == len(csrfSecret{}) {
			all = append(all, csrfSecret(b))
		}
	}
	return all
}

// ensureCSRF returns the secret of the browser and gives it one if it has none.
func (s *Server) ensureCSRF(w http.ResponseWriter, r *http.Request) csrfSecret {
	if all := s.csrfSecrets(r); len(all) > 0 {
		return all[0]
	}
	return s.rotateCSRF(w)
}

// rotateCSRF gives the browser a new secret. Forms that were shown before are refused from now on.
func (s *Server) rotateCSRF(w http.ResponseWriter) csrfSecret {
	var c csrfSecret
	_, _ = rand.Read(c[:]) // never fails: crypto/rand ends the program instead
	putLines(w, s.csrfCookie, s.csrfCookie+"="+base64.StdEncoding.EncodeToString(c[:])+s.csrfRest)
	return c
}

// keep has a browser keep a value that stands for no session, for so many seconds.
func (s *Server) keep(w http.ResponseWriter, name, value string, age int) {
	put(w, s.keeping(name, value, age))
}

func (s *Server) keeping(name, value string, age int) *http.Cookie {
	cookie := s.CSRF.cookie(name, value)
	cookie.MaxAge = age
	if !cookie.Secure && cookie.SameSite == http.SameSiteNoneMode {
		cookie.SameSite = http.SameSiteLaxMode // browsers refuse None without Secure
	}
	return cookie
}

// hash is what a flow keeps.
func (c csrfSecret) hash() string {
	h := sha256.Sum256(c[:])
	return hex.EncodeToString(h[:])
}

// mask makes a token for a form: a random pad, and the secret under it.
func (c csrfSecret) mask() string {
	var b [2 * len(c)]byte
	_, _ = rand.Read(b[:len(c)]) // as above
	subtle.XORBytes(b[len(c):], b[:len(c)], c[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// matches reports whether a token is the secret under a mask.
func (c csrfSecret) matches(token string) bool {
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) != 2*len(c) {
		return false
	}
	subtle.XORBytes(b[:len(c)], b[:len(c)], b[len(c):])
	return subtle.ConstantTimeCompare(b[:len(c)], c[:]) == 1
}

// errCSRF refuses what another site, or another browser, may have caused.
var errCSRF = &fault.Error{Kind: fault.Forbidden, ID: "security_csrf_violation",
	Reason:  "Please retry the flow and optionally clear your cookies. The request could not be tied to the browser that began it.",
	Message: "the request was rejected to protect you from Cross-Site-Request-Forgery"}

// The hints tell a developer where to look.
const (
	hintServer  = "A regular browser or a server made this call. It has to send the cookies of the browser that began the flow, and the value of the node csrf_token in the body."
	hintScript  = "A script in a page made this call. It has to send cookies (credentials: include), its origin has to be in serve.public.cors.allowed_origins, and the value of the node csrf_token has to be in the body."
	hintMissing = "The anti-forgery cookie is there, but the body has no field csrf_token. Send the value of that node of the flow."
)

// bound returns the secret of this browser that a flow is bound to, or errCSRF.
func (s *Server) bound(r *http.Request, hash string) (csrfSecret, error) {
	all := s.csrfSecrets(r)
	for _, c := range all {
		if subtle.ConstantTimeCompare([]byte(c.hash()), []byte(hash)) == 1 {
			return c, nil
		}
	}
	switch {
	case len(r.Header["Cookie"]) == 0:
		return csrfSecret{}, violation(r, "The HTTP Cookie Header is empty or not set.")
	case len(all) == 0:
		return csrfSecret{}, violation(r, "The HTTP Cookie Header was set but did not include the anti-CSRF cookie.")
	}
	return csrfSecret{}, violation(r, "The anti-CSRF cookie is not that of the browser that began this flow: the two do not match.")
}

func violation(r *http.Request, reject string) error {
	hint := hintServer
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "cors" || mode == "same-origin" {
		hint = hintScript
	}
	return errCSRF.WithDetail("hint", hint).WithDetail("reject_reason", reject)
}

// checkCSRF compares the token of a submission with the secret of the browser.
func checkCSRF(r *http.Request, c csrfSecret, token string) error {
	switch {
	case c.matches(token):
		return nil
	case token == "" && mediaType(r) != "application/json":
		return errCSRF.WithDetail("hint", hintMissing)
	}
	return violation(r, "The field csrf_token and the anti-CSRF cookie do not match.")
}

// checkPageCSRF is checkCSRF for the forms of the built-in pages that belong to no flow.
func (s *Server) checkPageCSRF(r *http.Request, token string) error {
	for _, c := range s.csrfSecrets(r) {
		if c.matches(token) {
			return nil
		}
	}
	return violation(r, "The field csrf_token and the anti-CSRF cookie do not match.")
}
