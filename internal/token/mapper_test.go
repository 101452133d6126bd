package token

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"exeunt/internal/fault"
)

// mapped is a tokenizer with one template and this mapper.
func mapped(t testing.TB, source string) *Tokenizer {
	t.Helper()
	return tokenizer(t, Template{Name: "jwt", Keys: keySet(t, jwk(t, "a", "EdDSA", nil)), TTL: time.Minute, Mapper: source})
}

func TestAMapperAddsClaimsOfTheSession(t *testing.T) {
	tokens := mapped(t, `
local session = std.extVar('session');
local claims = std.extVar('claims');
{ claims: { iss: claims.iss + 'app', aud: ['a', 'b'], sub: 'somebody else', jti: 'own', plan: session.identity.traits.plan, session: session.id, deep: { n: 1.5, l: [null, true] } } }`)
	_, claims := read(t, tokens, sign(t, tokens, "jwt", now), now)
	for name, want := range map[string]any{"iss": "https://auth.example.com/app", "sub": about.Identity, "jti": "own", "plan": "gold", "session": about.Session,
		"sid": about.Session, "exp": float64(now.Unix() + 60)} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if got, _ := json.Marshal([]any{claims["aud"], claims["deep"]}); string(got) != `[["a","b"],{"l":[null,true],"n":1.5}]` {
		t.Errorf("got %s", got)
	}
}

func TestWhatAMapperMayDoAndWhatNot(t *testing.T) {
	for source, want := range map[string]*fault.Error{
		`{claims: {}}`:                               nil,
		`{claims: {a: null}, more: 'ignored'}`:       nil,
		`function(x=1) {claims: {a: x}}`:             nil,
		`{claims: {aud: 'one'}}`:                     nil,
		`{claims: {aud: []}}`:                        nil,
		`{claims: {sub: 7}}`:                         nil,
		`{claims: {exp: 1795209505.5}}`:              nil,
		`std.trace('ada@example.org', {claims: {}})`: nil,

		`{claims: std.extVar('session').nope}`:                  ErrMapper,
		`{claims: error std.extVar('session').id}`:              ErrMapper,
		`{claims: std.extVar('secrets')}`:                       ErrMapper,
		`function(x) {claims: {}}`:                              ErrMapper,
		`local f(x) = f(x) + 1; {claims: f(1)}`:                 ErrMapper,
		`std.foldl(function(a, x) [a], std.range(1, 5000), [])`: ErrMapper,
		`{claims: function(x) x}`:                               ErrMapper,
		`std.native('exec')('ls')`:                              ErrMapper,

		`{}`:                                    ErrClaims,
		`[]`:                                    ErrClaims,
		`null`:                                  ErrClaims,
		`'claims'`:                              ErrClaims,
		`{Claims: {}}`:                          ErrClaims,
		`{claims: null}`:                        ErrClaims,
		`{claims: []}`:                          ErrClaims,
		`{claims: 'x'}`:                         ErrClaims,
		`{claims: 7}`:                           ErrClaims,
		`{claims: {exp: 'tomorrow'}}`:           ErrClaims,
		`{claims: {exp: null}}`:                 ErrClaims,
		`{claims: {exp: -1}}`:                   ErrClaims,
		`{claims: {iat: 1e300}}`:                ErrClaims,
		`{claims: {nbf: {}}}`:                   ErrClaims,
		`{claims: {iss: 7}}`:                    ErrClaims,
		`{claims: {aud: [7]}}`:                  ErrClaims,
		`{claims: {aud: {}}}`:                   ErrClaims,
		`{claims: {jti: null}}`:                 ErrClaims,
		`{claims: {a: std.repeat('x', 20000)}}`: ErrClaims,
	} {
		tokens := mapped(t, source)
		signed, err := tokens.Sign(context.Background(), "jwt", about, now)
		if want == nil && err == nil {
			if _, claims := read(t, tokens, signed, now); claims["sub"] != about.Identity {
				t.Errorf("%s: the subject is %v", source, claims["sub"])
			}
			continue
		}
		if want == nil || !is(err, want) {
			t.Errorf("%s: %v, want %v", source, err, want)
			continue
		}
		if cause := errors.Unwrap(fault.From(err)); cause == nil || !strings.Contains(cause.Error(), `template "jwt"`) || strings.Contains(err.Error(), about.Session) || strings.Contains(err.Error(), "ada") {
			t.Errorf("%s: the cause is %v", source, cause)
		}
	}
}

func TestTheLogLearnsWhereAMapperFailed(t *testing.T) {
	_, err := mapped(t, "local s = std.extVar('session');\nlocal plan = s.identity.traits.nope;\n{claims: {plan: plan}}").Sign(context.Background(), "jwt", about, now)
	if got := errors.Unwrap(fault.From(err)).Error(); got != `the mapper of the template "jwt" failed at line 2, column 14` {
		t.Errorf("got %s", got)
	}
}

func TestAMapperIsRefusedWhenItIsRead(t *testing.T) {
	for source, want := range map[string]string{
		"{claims: ":                                    "mapper:1:",
		"{claims: nope}":                               "Unknown variable: nope",
		`{claims: import '/etc/passwd'}`:               "can import nothing",
		`{claims: importstr '/etc/passwd'}`:            "can import nothing",
		`{claims: importbin '/etc/passwd'}`:            "can import nothing",
		`if false then import 'x' else {}`:             "can import nothing",
		`local f(x) = import 'x'; {}`:                  "can import nothing",
		strings.Repeat("[", mostBrackets):              "mapper:1:2001 Unexpected end of file",
		strings.Repeat("{(", mostBrackets):             "it has more than 2000 brackets",
		strings.Repeat("if 1 then ", longestMapper/10): "Unexpected end of file",
		strings.Repeat("local a=1;", longestMapper/10): "Unexpected end of file",
		strings.Repeat("error ", longestMapper/6):      "Unexpected end of file",
		strings.Repeat("(", longestMapper+1):           "it is longer than 16384 bytes",
	} {
		if _, err := newMapper(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", source, err, want)
		}
	}
}

func TestAMapperThatTakesTooLongIsNotWaitedForAndKeepsItsSlot(t *testing.T) {
	tokens := mapped(t, `{claims: {n: std.foldl(function(a, x) a + x, std.range(1, 200000), 0)}}`)
	m := tokens.templates["jwt"].mapper
	m.limit = time.Millisecond
	_, err := tokens.Sign(context.Background(), "jwt", about, now)
	if cause := errors.Unwrap(fault.From(err)); !is(err, ErrSlow) || cause == nil || !strings.Contains(cause.Error(), `template "jwt" was not done after 1ms`) {
		t.Errorf("got %v", err)
	}
	for tries := 1; len(m.slots) != 1; tries++ { // on a busy machine it may be done by the time that it is given up
		if tries == 100 {
			t.Fatalf("%d slots are taken", len(m.slots))
		}
		if _, err := tokens.Sign(context.Background(), "jwt", about, now); !is(err, ErrSlow) && err != nil {
			t.Fatal(err)
		}
	}
	for range cap(m.slots) {
		m.slots <- struct{}{} // waits until the evaluation has ended
	}
	if _, err := tokens.Sign(context.Background(), "jwt", about, now); !is(err, ErrSlow) {
		t.Errorf("with all slots taken: %v", err)
	}
	gone, leave := context.WithCancel(context.Background())
	leave()
	m.limit = time.Minute
	if _, err := tokens.Sign(gone, "jwt", about, now); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	<-m.slots
	if _, err := tokens.Sign(context.Background(), "jwt", about, now); err != nil {
		t.Errorf("with a free slot: %v", err)
	}
}
