package otp

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/vault"
)

// TOTP is the second factor of authenticator apps. It is safe for concurrent use.
type TOTP struct {
	Identities identity.Store
	Manager    *identity.Manager
	Codes      Codes
	Vault      *vault.Vault
	Tries      flow.Tries
	Issuer     string           // what apps show beside the code
	Now        func() time.Time // nil means time.Now
}

var (
	_ flow.Method   = (*TOTP)(nil)
	_ flow.Guarded  = (*TOTP)(nil)
	_ flow.Claimer  = (*TOTP)(nil)
	_ flow.Preparer = (*TOTP)(nil)
)

const (
	period     = 30  // seconds
	secretSize = 20  // bytes, as the hash that is used (RFC 4226, section 4)
	skew       = 1   // periods that a clock may be ahead or behind
	picture    = 256 // pixels
	codeField  = "totp_code"
	unlink     = "totp_unlink"
)

// Name implements flow.Method.
func (*TOTP) Name() string { return string(identity.TOTP) }

// Level implements flow.Method.
func (*TOTP) Level() identity.AAL { return identity.AAL2 }

// Privileged implements flow.Guarded.
func (*TOTP) Privileged(context.Context, *flow.Flow, flow.Input) (bool, error) { return true, nil }

// Claims implements flow.Claimer.
func (*TOTP) Claims(f *flow.Flow, in flow.Input) bool {
	return f.Kind == flow.Settings && in.Text(unlink) == "true"
}

// Prepare implements flow.Preparer: a settings flow has a secret of its own, for whoever wants to set up an app.
func (t *TOTP) Prepare(f *flow.Flow, current *session.Session) error {
	if f.Kind != flow.Settings || f.Kept[t.Name()] != "" {
		return nil
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: t.Issuer, AccountName: t.account(current.Identity), Period: period, SecretSize: secretSize})
	if err != nil {
		return fmt.Errorf("making the secret of an authenticator app: %w", err)
	}
	f.Keep(t.Name(), t.Vault.Close("totp for "+f.ID.String(), []byte(key.URL())))
	return nil
}

// account is what an app shows for the person.
func (t *TOTP) account(i *identity.Identity) string {
	if schema, err := t.Manager.Schemas.Find(i.SchemaID); err == nil {
		if derived, err := schema.Derive(i.Traits); err == nil && derived.AccountName != "" {
			return derived.AccountName
		}
	}
	return i.ID.String()
}

// offered is the key that a settings flow offers.
func (t *TOTP) offered(f *flow.Flow) (*otp.Key, error) {
	address, err := t.Vault.Open("totp for "+f.ID.String(), f.Kept[t.Name()])
	if err != nil {
		return nil, err
	}
	return otp.NewKeyFromURL(string(address))
}

// own is the key that an identity has set up, or nil.
func (t *TOTP) own(i *identity.Identity) (*otp.Key, error) {
	address, c, err := opened(t.Vault, identity.TOTP, i)
	if err != nil {
		return nil, err
	}
	if len(address) == 0 {
		address = []byte(c.TOTPURL)
	}
	if len(address) == 0 {
		return nil, nil
	}
	return otp.NewKeyFromURL(string(address))
}

// Nodes implements flow.Method.
func (t *TOTP) Nodes(ctx context.Context, f *flow.Flow, current *session.Session) ([]flow.Node, error) {
	if current == nil || f.Kind == flow.Login && f.RequestedAAL < identity.AAL2 || f.Kind == flow.Registration {
		return nil, nil
	}
	i, err := t.Identities.Identity(ctx, current.IdentityID)
	if err != nil {
		return nil, err
	}
	enrolled := len(i.Credentials[identity.TOTP].Config) > 0
	switch {
	case f.Kind == flow.Settings && enrolled:
		return []flow.Node{flow.Submit(flow.TOTPGroup, unlink, "true", labelUnlink)}, nil
	case f.Kind == flow.Settings:
		return t.enrolment(f)
	case enrolled:
		return []flow.Node{codeInput(codeField, flow.TOTPGroup, labelCode), flow.Submit(flow.TOTPGroup, "method", t.Name(), labelUseTOTP)}, nil
	}
	return nil, nil
}

func codeInput(name, group string, label flow.Message) flow.Node {
	return flow.Node{Group: group, Name: name, Type: "text", Required: true, Autocomplete: "one-time-code", Label: &label}
}

// enrolment shows the secret, as a picture for the app and as a text to type.
func (t *TOTP) enrolment(f *flow.Flow) ([]flow.Node, error) {
	key, err := t.offered(f)
	if err != nil {
		return nil, err
	}
	src, err := qrCode(key)
	if err != nil {
		return nil, err
	}
	code := codeInput(codeField, flow.TOTPGroup, labelVerify)
	secret := secretText(key.Secret())
	return []flow.Node{
		{Group: flow.TOTPGroup, Name: "totp_qr", Image: &flow.Image{Src: src, Width: picture, Height: picture}, Label: &labelQR},
		{Group: flow.TOTPGroup, Name: "totp_secret_key", Text: &secret, Label: &labelSecret},
		code, flow.Submit(flow.TOTPGroup, "method", t.Name(), flow.LabelSave),
	}, nil
}

func qrCode(key *otp.Key) (string, error) {
	img, err := key.Image(picture, picture)
	if err != nil {
		return "", fmt.Errorf("drawing the secret of an authenticator app: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("drawing the secret of an authenticator app: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// Submit implements flow.Method.
func (t *TOTP) Submit(ctx context.Context, f *flow.Flow, in flow.Input) (flow.Outcome, error) {
	i, err := t.Identities.Identity(ctx, in.Current.IdentityID)
	switch {
	case err != nil:
		return nil, err
	case f.Kind == flow.Login:
		return t.prove(ctx, i, in)
	case in.Text(unlink) == "true":
		next := t.Manager.WithCredential(i, identity.TOTP, nil)
		return flow.Changed{Identity: next, Version: i.UpdatedAt, Credential: true}, nil
	}
	return t.enrol(ctx, f, i, in)
}

// prove judges the code of a step-up.
func (t *TOTP) prove(ctx context.Context, i *identity.Identity, in flow.Input) (flow.Outcome, error) {
	key, err := t.own(i)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return flow.Again{Messages: []flow.Message{failedNoTOTP}}, nil
	}
	end, err := t.Tries.Begin(ctx, flow.Try{Secret: t.Name(), Whose: i.ID.String(), Identity: i, By: in})
	if err != nil {
		return nil, err
	}
	right, first, missing, err := t.verify(ctx, key, i, in)
	if counted := end(err == nil && missing == nil && !right); counted != nil {
		return nil, counted
	}
	switch {
	case err != nil || missing != nil:
		return missing, err
	case !right || !first:
		return flow.Again{Messages: []flow.Message{failedTOTP}}, nil
	}
	return flow.Proved{Identity: i, Use: t.use()}, nil
}

// enrol sets up the app whose secret the flow offers, once a code shows that it works.
func (t *TOTP) enrol(ctx context.Context, f *flow.Flow, i *identity.Identity, in flow.Input) (flow.Outcome, error) {
	if len(i.Credentials[identity.TOTP].Config) > 0 {
		return flow.Again{Messages: []flow.Message{flow.FailedGeneric("An authenticator app is set up already. Remove it before you set up another.")}}, nil
	}
	key, err := t.offered(f)
	if err != nil {
		return nil, err
	}
	right, _, missing, err := t.verify(ctx, key, i, in) // nobody else has seen this secret yet
	switch {
	case err != nil || missing != nil:
		return missing, err
	case !right:
		return flow.Fault(codeField, failedTOTP), nil
	}
	next := t.Manager.WithCredential(i, identity.TOTP, closed(t.Vault, identity.TOTP, i.ID, []byte(key.URL())))
	delete(f.Kept, t.Name()) // the next app gets a secret of its own
	return flow.Changed{Identity: next, Version: i.UpdatedAt, Use: t.use(), Credential: true}, nil
}

// verify compares the code that was typed with those of the moments around now. A code counts once (RFC 6238, section
// 5.2), also when it is sent twice at the same time.
func (t *TOTP) verify(ctx context.Context, key *otp.Key, i *identity.Identity, in flow.Input) (right, first bool, missing flow.Outcome, err error) {
	typed := strings.ReplaceAll(in.Text(codeField), " ", "")
	if typed == "" {
		return false, false, flow.Fault(codeField, flow.FailedRequired(codeField)), nil
	}
	now := moment(t.Now)
	step := now.Unix() / period
	for n := step - skew; n <= step+skew; n++ {
		code, err := hotp.GenerateCodeCustom(key.Secret(), uint64(n), hotp.ValidateOpts{Digits: key.Digits(), Algorithm: key.Algorithm()})
		if err != nil {
			return false, false, nil, fmt.Errorf("computing the code of an authenticator app: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1 {
			first, err := t.Codes.UseCode(ctx, i.ID, hash("totp", key.Secret(), fmt.Sprint(n)), now, time.Unix((n+2*skew+1)*period, 0))
			return true, first, nil, err
		}
	}
	return false, false, nil, nil
}

func (t *TOTP) use() session.MethodUse {
	return session.MethodUse{Method: t.Name(), AAL: identity.AAL2, CompletedAt: moment(t.Now)}
}
