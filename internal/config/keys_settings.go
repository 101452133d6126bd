package config

import "time"

// settingsMethods are the methods with which people change something of theirs.
var settingsMethods = []string{"password", "profile", "totp", "lookup_secret"}

// settingsKeys are the keys of the settings flow.
func settingsKeys() []Key {
	const p = "selfservice.flows.settings."
	s := supported
	keys := []Key{
		s(p+"ui_url", "", "The page that shows the form. Without it, the built-in page.", into(pageURL, func(c *Config) *string { return &c.SelfService.Settings.UIURL })),
		s(p+"lifespan", "1h", "How long a settings flow stays open.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.SelfService.Settings.Lifespan })),
		s(p+"privileged_session_max_age", "1h", "How long after signing in credentials may be changed; later, the person signs in again first.", into(duration("h", time.Second), func(c *Config) *time.Duration { return &c.SelfService.Settings.PrivilegedMaxAge })),
		s(p+"required_aal", "highest_available", "How strongly somebody must have signed in for the settings.", into(requiredAAL, func(c *Config) *string { return &c.SelfService.Settings.RequiredAAL })),
		s(p+"after.default_browser_return_url", "", "Where a browser goes after a change that asked for no place. Without it, back to the form.", into(returnURL, func(c *Config) *string { return &c.SelfService.Settings.After })),
		s(p+"after.hooks", "", "What runs after a change of any kind; `revoke_active_sessions` ends the person's other sessions, which is the default anyway.", revoking("revoke_active_sessions", settingsMethods...)),
	}
	for _, method := range settingsMethods {
		runs := "revoke_active_sessions"
		if method == "profile" {
			runs = ""
		}
		keys = append(keys,
			s(p+"after."+method+".default_browser_return_url", "", "The same after a change by this method; goes before the general one.", entry(returnURL, method, func(c *Config) *map[string]string { return &c.SelfService.Settings.AfterMethod })),
			s(p+"after."+method+".hooks", "", "What runs after a change by this method, besides the general hooks.", revoking(runs, method)),
			s(p+"after."+method+".revoke_other_sessions", "true", "Whether a change by this method ends the person's other sessions. A hook that says so goes before it. (Kratos ends them by hooks alone.)", entry(boolean, method, func(c *Config) *map[string]bool { return &c.SelfService.Settings.RevokeOthers })))
	}
	return keys
}

// entry stores the value in a map of the configuration.
func entry[T any](k kind[T], name string, field func(*Config) *map[string]T) reader {
	return reader{name: k.name, many: k.many, read: func(s site) {
		v, ok := k.parse(s)
		if !ok {
			return
		}
		m := field(s.l.config)
		if *m == nil {
			*m = map[string]T{}
		}
		(*m)[name] = v
	}}
}

// revoking is a list of hooks whose one hook ends the other sessions after changes by some methods.
func revoking(runs string, methods ...string) reader {
	k := hooks(runs)
	return reader{name: k.name, many: k.many, read: func(s site) {
		if found, ok := k.parse(s); ok && len(found) > 0 {
			s.l.revoking = append(s.l.revoking, methods...)
		}
	}}
}
