package config

import "slices"

// inertKeys are Kratos keys that are checked and change nothing here.
func inertKeys() []Key {
	text, flag, link := checked(freeText), checked(boolean), checked(reference)
	span := checked(duration("h", 0))
	words := checked(listOf(texts))
	return slices.Concat(
		inertAll("nothing depends on the version of Kratos", row{"version", text}),
		inertAll("profiles are fetched from the admin API", row{"profiling", text}),
		inertAll("traces go to a collector over OTLP alone", row{"tracing.providers.jaeger", anything}, row{"tracing.providers.zipkin", anything}),
		inertAll("nothing depends on it", row{"tracing.deployment_environment", text}),
		inertAll("no messages are sent", row{"courier", anything}, row{"watch-courier", flag}),
		inertAll("nothing is reported to anybody", row{"sqa-opt-out", flag}),
		inertAll("preflights are always answered here", row{"serve.public.cors.options_passthrough", flag}),
		inertAll("how an origin was judged is not logged", row{"serve.public.cors.debug", flag}),
		inertAll("health checks are never logged one by one",
			row{"serve.public.request_log.disable_for_health", flag}, row{"serve.admin.request_log.disable_for_health", flag}),
		inertAll("nothing sensitive is logged, so nothing is redacted", row{"log.redaction_text", text}),
		inertAll("how long a hash takes is not watched",
			row{"hashers.argon2.expected_duration", span}, row{"hashers.argon2.expected_deviation", span}),
		inertAll("nothing is stored that would be encrypted",
			row{"ciphers.algorithm", checked(oneOf([]string{"noop", "aes", "xchacha20-poly1305"}, nil))}),
		inertAll("web hooks have settings of their own in session.hooks",
			row{"clients.http.disallow_private_ip_ranges", flag}, row{"clients.http.private_ip_exception_urls", words},
			row{"clients.web_hook.header_allowlist", words}),
		inertAll("there is no OAuth2 provider",
			row{"oauth2_provider.headers", anything}, row{"oauth2_provider.override_return_to", flag}),
		inertAll("a failed login answers the same whether or not the account exists", row{"security.account_enumeration.mitigate", flag}),
		inertAll("the feature that it changes is not offered",
			row{"feature_flags.use_continue_with_transitions", flag}, row{"feature_flags.choose_recovery_address", flag},
			row{"feature_flags.legacy_continue_with_verification_ui", flag},
			row{"feature_flags.legacy_require_verified_login_error", flag},
			row{"feature_flags.legacy_oidc_registration_node_group", flag},
			row{"feature_flags.password_profile_registration_node_group", checked(oneOf([]string{"default", "password"}, nil))}),
		inertFlows(flag, link, span),
		inertMethods(flag, link, span),
	)
}

// inertFlows are the keys of flows and of parts of flows that are not offered.
func inertFlows(flag, link, span reader) []Key {
	const p = "selfservice.flows."
	var keys []Key
	for _, flow := range []string{"login", "registration", "settings"} {
		for _, method := range otherMethods {
			keys = append(keys, inert(p+flow+".after."+method, "the method is not offered", anything))
		}
	}
	for _, method := range []string{"totp", "lookup_secret"} {
		keys = append(keys, inert(p+"registration.after."+method, "nobody registers with a second factor", anything))
	}
	for _, flow := range []string{"recovery", "verification"} {
		keys = append(keys, inertAll("the flow is not offered", row{p + flow + ".ui_url", link},
			row{p + flow + ".lifespan", span}, row{p + flow + ".after", anything}, row{p + flow + ".before", anything})...)
	}
	use := checked(oneOf([]string{"code", "link"}, nil))
	return append(keys, inertAll("the flow is not offered",
		row{p + "recovery.use", use}, row{p + "recovery.notify_unknown_recipients", flag},
		row{p + "verification.use", use}, row{p + "verification.notify_unknown_recipients", flag})...)
}

// otherMethods are the methods of Kratos that this server does not offer and that hooks can follow.
var otherMethods = []string{"code", "webauthn", "passkey", "oidc", "saml"}

// inertMethods are the keys of methods that are not offered. The switches that would weaken a login are refused instead.
func inertMethods(flag, link, span reader) []Key {
	const p, why = "selfservice.methods.", "the method is not offered"
	return inertAll(why,
		row{p + "link.enabled", flag}, row{p + "link.config.base_url", link}, row{p + "link.config.lifespan", span},
		row{p + "code.enabled", flag}, row{p + "code.config", anything},
		row{p + "webauthn.config", anything}, row{p + "passkey.config", anything},
		row{p + "oidc.config", anything}, row{p + "saml.config", anything}, row{p + "captcha.config", anything},
		row{p + "password.config.migrate_hook.config", anything})
}

// row is a key and how its value is checked.
type row struct {
	path   string
	reader reader
}

// inertAll makes inert keys that have one reason.
func inertAll(why string, rows ...row) []Key {
	var keys []Key
	for _, r := range rows {
		keys = append(keys, inert(r.path, why, r.reader))
	}
	return keys
}
