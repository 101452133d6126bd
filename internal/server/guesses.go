package server

import (
	"errors"
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/session"
)

// guessesPerAttempt is how many tokens that nobody has a client may send for each attempt to sign in that may fail. They
// carry far too much to be guessed, so this is for the peace of the database and of whoever reads the logs.
const guessesPerAttempt = 20

var errGuesses = &fault.Error{Kind: fault.Busy, ID: "too_many_unknown_tokens",
	Reason: "Too many unknown tokens were sent from this address. Please wait a moment and try again."}

// guessing counts requests that fail because nobody has their token, and refuses them when a client has sent too many.
// Nobody else pays: a request whose token is known is answered as ever, from wherever it comes, and so is every sign-out.
func (s *Server) guessing(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if err == nil || !s.guess(r, err) {
			return err
		}
		if _, refused := s.guesses.begin(clientKeys(s.clientIP(r))...); refused != nil {
			return refused
		}
		return err
	}
}

// guess reports whether a request has failed because its token is unknown, and not merely over or missing.
func (s *Server) guess(r *http.Request, err error) bool {
	switch {
	case !errors.Is(err, session.ErrNone):
		return errors.Is(err, session.ErrUnknownToken) || errors.Is(err, session.ErrNoExchange) || errors.Is(err, errLogoutToken)
	case endReason(err) != "":
		return false
	}
	for _, name := range s.sessionCookies {
		for range cookieValues(r, name) {
			return true
		}
	}
	if given := r.Header["X-Session-Token"]; len(given) > 0 && given[0] != "" {
		return true
	}
	token, err := session.ParseSecret(bearer(r)) // and no other way to authenticate, which a proxy may ask for
	return err == nil && token.TravelsIn(session.InHeader)
}
