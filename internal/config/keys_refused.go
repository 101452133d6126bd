package config

import "slices"

// refusedKeys are Kratos keys that would change behaviour or safety and that this server cannot obey.
func refusedKeys() []Key {
	const methods, flows = "selfservice.methods.", "selfservice.flows."
	const unsupported = "a Kratos key that exeunt does not support; remove it"
	var keys []Key
	for _, m := range []string{"webauthn", "passkey", "oidc", "saml", "captcha"} {
		keys = append(keys, refusedUnless(methods+m+".enabled", false, "exeunt does not offer this method yet; set it to false"))
	}
	for _, switched := range []string{"code.passwordless_enabled", "code.mfa_enabled", "code.passwordless_login_fallback_enabled"} {
		keys = append(keys, refusedUnless(methods+switched, false, "exeunt does not sign people in with codes yet; set it to false"))
	}
	for _, flow := range []string{"recovery", "verification"} {
		keys = append(keys, refusedUnless(flows+flow+".enabled", false, "exeunt does not offer this flow yet; set it to false"))
	}
	for _, flow := range []string{"login", "registration", "settings"} {
		k := supported(flows+flow+".before.hooks", "", "exeunt runs no hooks before a flow; remove them", checked(hooks("")))
		k.Class = Refused
		keys = append(keys, k)
	}
	for _, listener := range []string{"serve.public", "serve.admin"} {
		for _, part := range []string{"key.path", "key.base64", "cert.path", "cert.base64"} {
			keys = append(keys, refused(listener+".tls."+part, "exeunt does not speak TLS itself; remove it and put a proxy in front"))
		}
		for _, part := range []string{"owner", "group", "mode"} {
			keys = append(keys, refused(listener+".socket."+part, "exeunt does not listen on unix sockets; remove it"))
		}
	}
	return slices.Concat(keys, []Key{
		refusedUnless(methods+"password.config.migrate_hook.enabled", false, "exeunt does not ask another server about passwords; set it to false"),
		refusedUnless("log.leak_sensitive_values", false, "exeunt never logs tokens, passwords or addresses; set it to false"),
		refusedUnless("feature_flags.legacy_allow_insecure_origins", false, "wildcards over everybody's domains are never allowed; set it to false"),
		refused("oauth2_provider.url", "exeunt does not work with an OAuth2 provider; remove it"),
		{Path: "organizations", Kind: "an empty list", Class: Refused, Doc: noOrganizations, reader: reader{name: "an empty list", free: true, read: organizations}},
		refused("selfservice.whitelisted_return_urls", "this key has a new name; write selfservice.allowed_return_urls"),
		refused("identity.default_schema_url", "this key has been replaced; list the schema in identity.schemas with the id default"),
		refused("preview.default_read_consistency_level", "every answer is consistent, so there is nothing to choose; remove it"),
		refused("database.cleanup.batch_size", "this key is named differently; write session.cleanup.batch_size"),
		refused("database.cleanup.sleep.tables", "this key is named differently; write session.cleanup.interval"),
		refused("database.cleanup.older_than", "this key is named differently; write session.cleanup.tombstone_margin"),
		refused("secrets.pagination", unsupported),
		refused("enterprise", unsupported),
		refused("help", "this is an option of the command line; remove it"),
		refused("expose-metrics-port", "this is an option of the command line; remove it"),
		refused("config", "this is an option of the command line; remove it"),
	})
}

const noOrganizations = "exeunt has no organizations; remove them"

func organizations(s site) {
	if s.value.kind != null && (s.value.kind != list || len(s.value.items) > 0) {
		s.wrong(noOrganizations)
	}
}
