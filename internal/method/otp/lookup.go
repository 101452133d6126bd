package otp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/vault"
)

// Lookup is the second factor of codes on paper. It is safe for concurrent use.
type Lookup struct {
	Identities identity.Store
	Manager    *identity.Manager
	Codes      Codes
	Vault      *vault.Vault
	Tries      flow.Tries
	Now        func() time.Time // nil means time.Now
}

var (
	_ flow.Method  = (*Lookup)(nil)
	_ flow.Guarded = (*Lookup)(nil)
	_ flow.Claimer = (*Lookup)(nil)
)

const (
	lookupCodes  = 12
	lookupLength = 8
	alphabet     = "abcdefghijklmnopqrstuvwxyz0123456789" // about 41 bits a code

	lookupField = "lookup_secret"
	reveal      = "lookup_secret_reveal"
	regenerate  = "lookup_secret_regenerate"
	confirm     = "lookup_secret_confirm"
	disable     = "lookup_secret_disable"

	revealed    = "lookup_secret_revealed" // kept with a flow: until when the codes are shown
	revealedFor = 5 * time.Minute
)

// Name implements flow.Method.
func (*Lookup) Name() string { return string(identity.LookupSecret) }

// Level implements flow.Method.
func (*Lookup) Level() identity.AAL { return identity.AAL2 }

// Privileged implements flow.Guarded. Looking at the codes is as good as having them.
func (*Lookup) Privileged(context.Context, *flow.Flow, flow.Input) (bool, error) { return true, nil }

// Claims implements flow.Claimer.
func (*Lookup) Claims(f *flow.Flow, in flow.Input) bool {
	return f.Kind == flow.Settings && asked(in) != ""
}

// asked is the button that was pressed.
func asked(in flow.Input) string {
	for _, name := range []string{reveal, regenerate, confirm, disable} {
		if in.Text(name) == "true" {
			return name
		}
	}
	return ""
}

func newCodes() []string {
	codes := make([]string, lookupCodes)
	for i := range codes {
		var b strings.Builder
		for range lookupLength {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
			if err != nil {
				panic("the system's random source failed: " + err.Error()) // rand.Reader crashes the program before this
			}
			b.WriteByte(alphabet[n.Int64()])
		}
		codes[i] = b.String()
	}
	return codes
}

func lookupHash(code string) string { return hash("lookup_secret", code) }

// own are the codes that an identity has set up, used ones included.
func (l *Lookup) own(i *identity.Identity) (codes []string, err error) {
	plain, c, err := opened(l.Vault, identity.LookupSecret, i)
	if err != nil {
		return nil, err
	}
	for _, open := range c.Codes {
		if open.UsedAt == nil {
			codes = append(codes, open.Code)
		}
	}
	if len(plain) == 0 {
		return codes, nil
	}
	return codes, json.Unmarshal(plain, &codes)
}

// pending are codes that were made and not confirmed yet.
func (l *Lookup) pending(f *flow.Flow) (codes []string, err error) {
	if f.Kept[l.Name()] == "" {
		return nil, nil
	}
	plain, err := l.Vault.Open("lookup for "+f.ID.String(), f.Kept[l.Name()])
	if err != nil {
		return nil, err
	}
	return codes, json.Unmarshal(plain, &codes)
}

// Nodes implements flow.Method.
func (l *Lookup) Nodes(ctx context.Context, f *flow.Flow, current *session.Session) ([]flow.Node, error) {
	if current == nil || f.Kind == flow.Login && f.RequestedAAL < identity.AAL2 || f.Kind == flow.Registration {
		return nil, nil
	}
	i, err := l.Identities.Identity(ctx, current.IdentityID)
	if err != nil {
		return nil, err
	}
	if f.Kind == flow.Settings {
		return l.settings(ctx, f, i)
	}
	if len(i.Credentials[identity.LookupSecret].Config) == 0 {
		return nil, nil
	}
	return []flow.Node{codeInput(lookupField, flow.LookupGroup, labelLookup), flow.Submit(flow.LookupGroup, "method", l.Name(), labelUseLookup)}, nil
}

func button(name string, label flow.Message) flow.Node {
	return flow.Submit(flow.LookupGroup, name, "true", label)
}

func (l *Lookup) settings(ctx context.Context, f *flow.Flow, i *identity.Identity) ([]flow.Node, error) {
	made, err := l.pending(f)
	if err != nil {
		return nil, err
	}
	switch {
	case made != nil:
		return []flow.Node{listNode(made, nil), button(confirm, labelConfirm)}, nil
	case len(i.Credentials[identity.LookupSecret].Config) == 0:
		return []flow.Node{button(regenerate, labelRegenerate)}, nil
	case !l.shown(f):
		return []flow.Node{button(reveal, labelReveal), button(disable, labelDisable)}, nil
	}
	codes, err := l.own(i)
	if err != nil {
		return nil, err
	}
	used, err := l.Codes.UsedCodes(ctx, i.ID)
	return []flow.Node{listNode(codes, used), button(disable, labelDisable), button(regenerate, labelRegenerate)}, err
}

func listNode(codes []string, used map[string]time.Time) flow.Node {
	list := codeList(codes, used)
	return flow.Node{Group: flow.LookupGroup, Name: "lookup_secret_codes", Text: &list, Label: &labelCodes}
}

// shown reports whether the codes were asked for a moment ago.
func (l *Lookup) shown(f *flow.Flow) bool {
	until, err := strconv.ParseInt(f.Kept[revealed], 10, 64)
	return err == nil && moment(l.Now).Unix() < until
}

// Submit implements flow.Method.
func (l *Lookup) Submit(ctx context.Context, f *flow.Flow, in flow.Input) (flow.Outcome, error) {
	i, err := l.Identities.Identity(ctx, in.Current.IdentityID)
	if err != nil {
		return nil, err
	}
	if f.Kind == flow.Login {
		return l.prove(ctx, i, in)
	}
	delete(f.Kept, revealed)
	exists := len(i.Credentials[identity.LookupSecret].Config) > 0
	switch asked(in) {
	case reveal:
		if !exists {
			return nothing("There are no recovery codes to show. Make some first.")
		}
		f.Keep(revealed, strconv.FormatInt(moment(l.Now).Add(revealedFor).Unix(), 10))
		return flow.Moved{}, nil
	case regenerate:
		b, _ := json.Marshal(newCodes()) // texts cannot fail
		f.Keep(l.Name(), l.Vault.Close("lookup for "+f.ID.String(), b))
		return flow.Moved{}, nil
	case confirm:
		return l.enrol(f, i)
	case disable:
		if !exists {
			return nothing("There are no recovery codes to remove.")
		}
		delete(f.Kept, l.Name())
		return flow.Changed{Identity: l.Manager.WithCredential(i, identity.LookupSecret, nil), Version: i.UpdatedAt, Credential: true}, nil
	}
	return nothing(fmt.Sprintf("Nothing was asked for: set one of %s, %s, %s and %s to true.", reveal, regenerate, confirm, disable))
}

func nothing(why string) (flow.Outcome, error) {
	return flow.Again{Messages: []flow.Message{flow.FailedGeneric(why)}}, nil
}

// enrol stores the codes that were made and shown before.
func (l *Lookup) enrol(f *flow.Flow, i *identity.Identity) (flow.Outcome, error) {
	codes, err := l.pending(f)
	if err != nil {
		return nil, err
	}
	if codes == nil {
		return nothing("There are no new recovery codes to confirm. Make some first.")
	}
	b, _ := json.Marshal(codes) // texts cannot fail
	next := l.Manager.WithCredential(i, identity.LookupSecret, closed(l.Vault, identity.LookupSecret, i.ID, b))
	delete(f.Kept, l.Name())
	return flow.Changed{Identity: next, Version: i.UpdatedAt, Use: l.use(), Credential: true}, nil
}

// prove judges the code of a step-up. All codes are compared, whichever is the right one.
func (l *Lookup) prove(ctx context.Context, i *identity.Identity, in flow.Input) (flow.Outcome, error) {
	typed := strings.ToLower(strings.ReplaceAll(in.Text(lookupField), " ", ""))
	codes, err := l.own(i)
	switch {
	case err != nil:
		return nil, err
	case typed == "":
		return flow.Fault(lookupField, flow.FailedRequired(lookupField)), nil
	case len(i.Credentials[identity.LookupSecret].Config) == 0:
		return flow.Again{Messages: []flow.Message{failedNoLookup}}, nil
	}
	end, err := l.Tries.Begin(ctx, flow.Try{Secret: l.Name(), Whose: i.ID.String(), Identity: i, By: in})
	if err != nil {
		return nil, err
	}
	right := 0
	for _, code := range codes {
		right |= subtle.ConstantTimeCompare([]byte(code), []byte(typed))
	}
	if counted := end(right == 0); counted != nil {
		return nil, counted
	}
	if right == 0 {
		return flow.Again{Messages: []flow.Message{failedLookup}}, nil
	}
	first, err := l.Codes.UseCode(ctx, i.ID, lookupHash(typed), moment(l.Now), time.Time{})
	switch {
	case err != nil:
		return nil, err
	case !first:
		return flow.Again{Messages: []flow.Message{failedUsed}}, nil
	}
	return flow.Proved{Identity: i, Use: l.use()}, nil
}

func (l *Lookup) use() session.MethodUse {
	return session.MethodUse{Method: l.Name(), AAL: identity.AAL2, CompletedAt: moment(l.Now)}
}
