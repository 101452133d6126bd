package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheSettingsFlowReachesTheConfig(t *testing.T) {
	c := loaded(t, `
selfservice:
  methods: {totp: {enabled: true, config: {issuer: Rosenhof}}, lookup_secret: {enabled: true}, profile: {enabled: false}}
  flows:
    settings:
      ui_url: https://ui.example/settings
      lifespan: 10m
      privileged_session_max_age: 15m
      required_aal: aal1
      after:
        default_browser_return_url: /done
        password: {default_browser_return_url: "https://app.example/new-password", revoke_other_sessions: false}
        totp: {revoke_other_sessions: false, hooks: [{hook: revoke_active_sessions}]}
        profile: {revoke_other_sessions: false, hooks: []}
`)
	want := Settings{UIURL: "https://ui.example/settings", Lifespan: 10 * time.Minute, PrivilegedMaxAge: 15 * time.Minute, RequiredAAL: "aal1", After: "/done",
		AfterMethod:  map[string]string{"password": "https://app.example/new-password", "profile": "/done", "totp": "/done", "lookup_secret": "/done"},
		RevokeOthers: map[string]bool{"password": false, "profile": false, "totp": true, "lookup_secret": true}}
	self := c.SelfService
	if diff := cmp.Diff(want, self.Settings); diff != "" {
		t.Error(diff)
	}
	if self.TOTP != (TOTP{Enabled: true, Issuer: "Rosenhof"}) || !self.LookupSecrets || self.Profile || len(c.Notices) != 0 {
		t.Errorf("methods: %+v, notices %q", self, c.Notices)
	}
}

func TestGeneralHooksOfTheSettingsHoldForEveryMethod(t *testing.T) {
	c := loaded(t, `
selfservice:
  flows:
    settings:
      after:
        hooks: [{hook: revoke_active_sessions}]
        password: {revoke_other_sessions: false, hooks: []}
        profile: {revoke_other_sessions: false}
`)
	want := map[string]bool{"password": true, "profile": true, "totp": true, "lookup_secret": true}
	if diff := cmp.Diff(want, c.SelfService.Settings.RevokeOthers); diff != "" {
		t.Error(diff)
	}
}

func TestSecondFactorsAtLoginFollowTheGeneralSettings(t *testing.T) {
	c := loaded(t, `
ui: {product_name: Rosenhof}
selfservice:
  flows:
    login:
      after:
        hooks: [{hook: revoke_active_sessions}]
        default_browser_return_url: /in
        totp: {default_browser_return_url: /in-with-totp}
`)
	revoke, login := []string{"revoke_active_sessions"}, c.SelfService.Login
	if !cmp.Equal(login.AfterTOTP, revoke) || !cmp.Equal(login.AfterLookupSecret, revoke) || login.AfterWithTOTP != "/in-with-totp" || login.AfterWithLookupSecret != "/in" {
		t.Errorf("got %+v", login)
	}
	if c.SelfService.TOTP.Issuer != "Rosenhof" {
		t.Errorf("the issuer is %s", c.SelfService.TOTP.Issuer)
	}
	login = loaded(t, "selfservice: {flows: {login: {after: {lookup_secret: {hooks: [{hook: revoke_active_sessions}], default_browser_return_url: /x}}}}}").SelfService.Login
	if !cmp.Equal(login.AfterLookupSecret, revoke) || login.AfterTOTP != nil || login.AfterPassword != nil || login.AfterWithLookupSecret != "/x" || login.AfterWithTOTP != "" {
		t.Errorf("got %+v", login)
	}
}

func TestOtherMethodsOfTheSettingsChangeNothing(t *testing.T) {
	c := loaded(t, "selfservice: {flows: {settings: {after: {webauthn: {hooks: [{hook: web_hook}]}}}, registration: {after: {totp: {}}}}}")
	want := []string{"selfservice.flows.settings.after.webauthn: accepted, no effect in this version: the method is not offered",
		"selfservice.flows.registration.after.totp: accepted, no effect in this version: nobody registers with a second factor"}
	if diff := cmp.Diff(want, c.Notices); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"ui_url: /self-service/settings/browser":                  `settings.ui_url: "/self-service/settings/browser" leads back`,
		"ui_url: /ui":                                             "leads back",
		"ui_url: 'myapp://settings'":                              "is not the address of a page",
		"required_aal: aal2":                                      "is a Kratos value that exeunt does not support: write highest_available",
		"privileged_session_max_age: 0s":                          "is too short; write 1s or more",
		"after: {passwort: {}}":                                   "unknown key selfservice.flows.settings.after.passwort; did you mean password?",
		"after: {password: {revoke_other_session: true}}":         "unknown key selfservice.flows.settings.after.password.revoke_other_session; did you mean revoke_other_sessions?",
		"after: {hooks: [{hook: web_hook}]}":                      "settings.after.hooks[0]: exeunt does not run the hook web_hook here; remove it, or write revoke_active_sessions",
		"after: {default_browser_return_url: '//evil.example'}":   "it has no scheme",
		"after: {profile: {hooks: [{hook: verify_new_address}]}}": "settings.after.profile.hooks[0]: exeunt does not run the hook verify_new_address here; remove it",
	} {
		got := complaints(t, "selfservice: {flows: {settings: {"+text+"}}}")
		if !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}
