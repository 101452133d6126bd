package main

import (
	"slices"

	"exeunt/internal/config"
	"exeunt/internal/flow"
	"exeunt/internal/method/otp"
	"exeunt/internal/method/password"
	"exeunt/internal/method/profile"
	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/tries"
)

// engine makes the flows with the methods that are enabled.
func engine(c *config.Config, p *parts, sessions *session.Manager) (*flow.Engine, error) {
	s, identities, hasher, v := p.store, p.identities, p.hasher, p.vault
	guard := bound(c, s, sessions.Key)
	g := guide{base: c.Serve.Public.BaseURL}
	returns, err := flow.NewReturns(g.base, g.either(homePath, c.SelfService.DefaultBrowserReturnURL).String(), c.SelfService.AllowedReturnURLs)
	if err != nil {
		return nil, err
	}
	e := &flow.Engine{
		Store: s, Sessions: sessions, Identities: s, Schemas: identities.Schemas, Returns: returns, Meter: p.meter,
		Disabled: []string{"oidc", "saml", "code", "link", "webauthn", "passkey"}, Rules: flowRules(c, &g),
	}
	self := c.SelfService
	for _, offered := range []struct {
		enabled bool
		method  flow.Method
	}{
		{self.Profile, &profile.Method{Identities: s, Manager: identities}},
		{self.Password.Enabled, &password.Method{Identities: s, Manager: identities, Hasher: hasher, Policy: policy(self.Password, hasher), Tries: guard}},
		{self.TOTP.Enabled, &otp.TOTP{Identities: s, Manager: identities, Codes: s, Vault: v, Issuer: self.TOTP.Issuer, Tries: guard}},
		{self.LookupSecrets, &otp.Lookup{Identities: s, Manager: identities, Codes: s, Vault: v, Tries: guard}},
	} {
		if offered.enabled {
			e.Methods = append(e.Methods, offered.method)
		} else {
			e.Disabled = append(e.Disabled, offered.method.Name())
		}
	}
	return e, g.err
}

// bound limits the tries of secrets, unless nothing of the kind is limited.
func bound(c *config.Config, s *store.Store, key []byte) flow.Tries {
	if c.Serve.Public.FailedAttempts == 0 {
		return flow.Unbounded{}
	}
	return &tries.Guard{Store: s, Key: key}
}

// flowRules are the properties of the kinds of flows, with the addresses that they end at.
func flowRules(c *config.Config, g *guide) map[flow.Kind]flow.Rules {
	self := c.SelfService
	login, registration, settings := self.Login, self.Registration, self.Settings
	revokes := func(hooks []string) bool { return slices.Contains(hooks, "revoke_active_sessions") }
	after := func(address string) flow.Return { return g.either(homePath, address, self.DefaultBrowserReturnURL) }
	rules := map[flow.Kind]flow.Rules{
		flow.Login: {Lifespan: login.Lifespan, After: after(login.After),
			AfterMethod:  map[string]flow.Return{"password": after(login.AfterWithPassword), "totp": after(login.AfterWithTOTP), "lookup_secret": after(login.AfterWithLookupSecret)},
			RevokeOthers: map[string]bool{"password": revokes(login.AfterPassword), "totp": revokes(login.AfterTOTP), "lookup_secret": revokes(login.AfterLookupSecret)}},
		flow.Registration: {Lifespan: registration.Lifespan, Disabled: !registration.Enabled, Unified: registration.Style == "unified",
			Hints: registration.LoginHints, StartSession: slices.Contains(registration.AfterPassword, "session"),
			After: after(registration.After), AfterMethod: map[string]flow.Return{"password": after(registration.AfterWithPassword)}},
		flow.Settings: {Lifespan: settings.Lifespan, PrivilegedAge: settings.PrivilegedMaxAge, RequiredAAL: session.RequiredAAL(settings.RequiredAAL),
			RevokeOthers: settings.RevokeOthers, AfterMethod: map[string]flow.Return{}},
	}
	for method, address := range settings.AfterMethod {
		if address != "" { // the others stay on the form
			rules[flow.Settings].AfterMethod[method] = g.to(address, "")
		}
	}
	return rules
}
