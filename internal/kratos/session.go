package kratos

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// maxToken is the longest token that a Kratos has ever made. Older ones are shorter, and have no prefix.
const maxToken = 39

// session translates a session that is live; false for one whose time has run out, or which cannot be taken over, which has
// been told then.
func (t *Translator) session(v visit, now time.Time, tell told) (Session, bool) {
	s, err := t.visit(v, now)
	if err != nil {
		tell("sessions", v.row.text(0), err.Error())
		return Session{}, false
	}
	return s, s.Until.After(now)
}

func (t *Translator) visit(v visit, now time.Time) (s Session, err error) {
	x := v.row
	own, err := id(x.text(0))
	if err != nil {
		return s, err
	}
	owner, err := id(x.text(1))
	if err != nil {
		return s, errors.New("the id of its identity is not a UUID in lower case")
	}
	token, err := Token(x.text(2))
	if err != nil {
		return s, errors.New("the token is malformed")
	}
	s.Session = &session.Session{ID: session.ID(own), IdentityID: identity.ID(owner), Remembered: t.Remember, LastSeenAt: now}
	err = moments(x, map[int]string{3: "expires_at", 4: "issued_at", 5: "authenticated_at", 7: "created_at"},
		map[int]*time.Time{3: &s.Until, 4: &s.IssuedAt, 5: &s.AuthenticatedAt, 7: &s.CreatedAt})
	if err != nil {
		return s, err
	}
	if s.Methods, s.AAL, err = methods(x.text(6)); err != nil {
		return s, err
	}
	s.Token, s.Fingerprint = token.Hash(), fingerprint(x, v.devices)
	s.DeadlineAt, s.ExpiresAt = s.Until, s.Until
	// Nobody knows when it was last used, so it counts as used now.
	if unused := now.Add(t.Idle); t.Idle > 0 && unused.Before(s.Until) {
		s.ExpiresAt = unused
	}
	s.Devices = devices(v.devices)
	return s, nil
}

// Token reads a session token of a Kratos. What exeunt takes for a cookie's is none.
func Token(text string) (session.Secret, error) {
	token, err := session.ParseSecret(text)
	if err != nil || len(text) > maxToken || !token.TravelsIn(session.InHeader) {
		return session.Secret{}, session.ErrBadToken
	}
	for _, c := range []byte(text) {
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return session.Secret{}, session.ErrBadToken
		}
	}
	return token, nil
}

// maxKept is how many proofs and devices of a session are kept, the latest.
const maxKept = 20

// methods reads what was proved in a session. The level is worked out from it, as Kratos does; what its row says of that
// does not count there either.
func methods(text string) (all []session.MethodUse, level identity.AAL, err error) {
	var docs []struct {
		Method string    `json:"method"`
		AAL    string    `json:"aal"`
		At     time.Time `json:"completed_at"`
	}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &docs); err != nil {
			return nil, 0, errors.New("authentication_methods is damaged")
		}
	}
	both := false
	for _, d := range docs {
		use := session.MethodUse{Method: printable(d.Method, 40), CompletedAt: d.At.UTC().Truncate(time.Microsecond)}
		switch d.AAL {
		case "aal1":
			use.AAL = identity.AAL1
		case "aal2":
			use.AAL = identity.AAL2
		case "", "aal0":
		default:
			return nil, 0, fmt.Errorf("the level %q in authentication_methods is not known", printable(d.AAL, 20))
		}
		both = both || use.AAL == identity.AAL2 && (d.Method == "oidc" || d.Method == "saml")
		all = append(all, use)
	}
	if level = session.Level(all); both {
		level = identity.AAL2
	}
	return all[max(len(all)-maxKept, 0):], level, nil
}

func devices(rows []row) (all []session.Device) {
	for _, x := range rows[max(len(rows)-maxKept, 0):] {
		u, err := id(x.text(0))
		if err != nil {
			continue // where a session came from decides nothing
		}
		all = append(all, session.Device{ID: u, IP: printable(host(x.text(2)), 50), UserAgent: printable(x.text(3), 512), Location: printable(x.text(4), 512)})
	}
	return all
}
