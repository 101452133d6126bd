// Package token turns sessions into signed tokens (JWT, RFC 7519) that others can check without asking, and publishes the
// keys to check them with (JWK sets, RFC 7517).
//
// A token cannot be taken back: it holds until its time is over, even if its session ends before. So it is short-lived,
// and never lives longer than its session.
package token

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"exeunt/internal/fault"
)

// Template says how a session becomes a token.
type Template struct {
	Name       string
	KeysFile   string // the file with the key set, looked at again while the server runs; "" if Keys holds the set itself
	Keys       []byte
	Mapper     string // Jsonnet that adds claims; "" for none
	TTL        time.Duration
	ExternalID bool // the subject is the identity's external id
}

// Subject is the session that a token is about.
type Subject struct {
	Session    string
	Identity   string
	ExternalID string // "" for none
	ExpiresAt  time.Time
	JSON       []byte // the session as whoami shows it
}

// Tokenizer makes tokens and publishes keys. It is safe for concurrent use.
type Tokenizer struct {
	issuer    string
	templates map[string]*template
	sources   []*source
	longest   time.Duration // of all lifetimes of tokens
	published atomic.Pointer[document]
	log       *slog.Logger
}

// template is one way to make a token, ready for use.
type template struct {
	name       string
	keys       *source
	mapper     *mapper // nil for none
	ttl        time.Duration
	externalID bool
}

// Failures that callers may see. Those of the house are told without anything that only its operators should know.
var (
	// ErrUnknownTemplate means that there is no template of this name.
	ErrUnknownTemplate = fault.New(fault.Invalid, "tokenizer_template_unknown", "There is no tokenizer template of this name.")

	// ErrNoExternalID means that the identity has nothing that could be the token's subject.
	ErrNoExternalID = fault.New(fault.Invalid, "tokenizer_subject_missing", "The template wants the external id of the identity as the subject, and the identity has none.")

	// ErrMapper means that the template's mapper gave up on this session.
	ErrMapper = fault.New(fault.Invalid, "tokenizer_mapper_failed", "The mapper of this tokenizer template failed on this session.")

	// ErrClaims means that a mapper has returned something that no token can hold.
	ErrClaims = fault.New(fault.Internal, "tokenizer_claims_invalid", "The mapper of this tokenizer template returned no usable claims.")

	// ErrSlow means that a mapper took too long, or that too many of them are still at work.
	ErrSlow = fault.New(fault.Internal, "tokenizer_mapper_slow", "The mapper of this tokenizer template took too long.")

	// ErrNoKey means that no key of the template can sign at the moment.
	ErrNoKey = fault.New(fault.Internal, "tokenizer_key_missing", "No key of this tokenizer template can sign at the moment.")
)

// New prepares templates: it reads their key sets and parses their mappers. The error names everything that is wrong, and
// no key. The issuer is the claim iss.
func New(issuer string, templates []Template, log *slog.Logger) (*Tokenizer, error) {
	t := &Tokenizer{issuer: issuer, templates: map[string]*template{}, log: log}
	var problems []error
	for _, one := range templates {
		s, err := t.source(one)
		if err != nil {
			problems = append(problems, err)
		}
		m, err := newMapper(one.Mapper)
		if err != nil {
			problems = append(problems, fmt.Errorf("the mapper of the template %q: %w", one.Name, err))
		}
		t.templates[one.Name] = &template{one.Name, s, m, one.TTL, one.ExternalID}
		t.longest = max(t.longest, one.TTL)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return t, nil
}

// Sign makes a token about a session.
func (t *Tokenizer) Sign(ctx context.Context, name string, about Subject, now time.Time) (string, error) {
	found, ok := t.templates[name]
	if !ok {
		return "", ErrUnknownTemplate
	}
	key := found.keys.signing(now)
	if key == nil {
		return "", ErrNoKey.Because(fmt.Errorf("template %q: no private key has begun (nbf) and not ended (exp) yet", name))
	}
	payload, err := found.claims(ctx, t.issuer, about, now)
	if err != nil {
		return "", err
	}
	signed, err := key.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed.CompactSerialize()
}
