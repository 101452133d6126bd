package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// standard are the claims that every token has.
type standard struct {
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat"`
	Issuer    string `json:"iss"`
	ID        string `json:"jti"`
	NotBefore int64  `json:"nbf"`
	Session   string `json:"sid"`
	Subject   string `json:"sub"`
}

// claims is the payload of a token: the standard claims, and over them what the mapper makes of the session.
func (t *template) claims(ctx context.Context, issuer string, about Subject, now time.Time) ([]byte, error) {
	subject := about.Identity
	if t.externalID {
		subject = about.ExternalID
	}
	if subject == "" {
		return nil, ErrNoExternalID
	}
	end := now.Add(t.ttl)
	if end.After(about.ExpiresAt) {
		end = about.ExpiresAt
	}
	defaults, err := json.Marshal(standard{ExpiresAt: end.Unix(), IssuedAt: now.Unix(), Issuer: issuer, ID: uuid.NewString(),
		NotBefore: now.Unix(), Session: about.Session, Subject: subject})
	if err != nil || t.mapper == nil {
		return defaults, err
	}
	mapped, err := t.mapper.run(ctx, about.JSON, defaults)
	if err != nil {
		return nil, t.explain(err)
	}
	payload, err := merge(defaults, mapped, about.ExpiresAt)
	if err != nil {
		return nil, ErrClaims.Because(fmt.Errorf("template %q: %w", t.name, err))
	}
	return payload, nil
}

// longestPayload bounds a token: it travels in header lines.
const longestPayload = 16 << 10

// merge lays what a mapper returned over the default claims. The subject stays, and the end is not later than the
// session's. Nothing in its errors comes from the session.
func merge(defaults []byte, mapped string, end time.Time) ([]byte, error) {
	var all, result, own map[string]json.RawMessage
	if err := json.Unmarshal(defaults, &all); err != nil {
		return nil, err
	}
	if json.Unmarshal([]byte(mapped), &result) != nil || result["claims"] == nil {
		return nil, errors.New("the mapper has to return an object {claims: {…}}")
	}
	if json.Unmarshal(result["claims"], &own) != nil || own == nil {
		return nil, errors.New("what the mapper returns as claims has to be an object")
	}
	for name, v := range own {
		if !sound(name, v) {
			return nil, fmt.Errorf("the claim %s has to be %s", name, shapes[name])
		}
		if name != "sub" {
			all[name] = v
		}
	}
	var at float64
	if json.Unmarshal(all["exp"], &at) == nil && at > float64(end.Unix()) {
		all["exp"] = json.RawMessage(fmt.Sprint(end.Unix()))
	}
	payload, err := json.Marshal(all)
	if len(payload) > longestPayload {
		return nil, fmt.Errorf("the claims take more than %d bytes", longestPayload)
	}
	return payload, err
}

// shapes says what the claims that everybody knows have to be (RFC 7519, section 4.1).
var shapes = map[string]string{
	"exp": aTime, "iat": aTime, "nbf": aTime, "iss": aText, "jti": aText, "sid": aText, "aud": "a text or a list of texts",
}

const (
	aText = "a text"
	aTime = "a time in seconds"
)

// sound reports whether a claim has the shape that those who check tokens expect.
func sound(name string, raw json.RawMessage) bool {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false
	}
	switch shapes[name] {
	case "":
		return true
	case aTime:
		at, ok := v.(float64)
		return ok && isTime(at)
	case aText:
		return isText(v)
	}
	list, ok := v.([]any)
	for _, item := range list {
		ok = ok && isText(item)
	}
	return ok || isText(v)
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// isTime reports whether a number can be a time in seconds since 1970, until the year 9999.
func isTime(seconds float64) bool { return seconds >= 0 && seconds <= 253402300799 }
