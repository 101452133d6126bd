package main

import (
	"net/http"

	"exeunt/internal/config"
	"exeunt/internal/flow"
	"exeunt/internal/server"
)

// guide completes the configured addresses of pages, and collects what is wrong with them.
type guide struct {
	base string
	err  error
}

// to is a configured address, or a path under the base address where none is configured.
func (g *guide) to(configured, path string) flow.Return {
	if configured == "" {
		configured = g.base + path
	}
	place, err := flow.Configured(g.base, configured)
	if err != nil && g.err == nil {
		g.err = err
	}
	return place
}

// either is the first address that is configured, or else a path under the base address.
func (g *guide) either(path string, configured ...string) flow.Return {
	for _, address := range configured {
		if address != "" {
			return g.to(address, "")
		}
	}
	return g.to("", path)
}

const homePath = "ui/"

// places are the pages that browsers are sent to: the configured ones, or those that are built in.
func places(c *config.Config) (server.Places, error) {
	g, self := guide{base: c.Serve.Public.BaseURL}, c.SelfService
	p := server.Places{
		Flows: map[flow.Kind]flow.Return{
			flow.Login:        g.to(self.Login.UIURL, "ui/login"),
			flow.Registration: g.to(self.Registration.UIURL, "ui/registration"),
			flow.Settings:     g.to(self.Settings.UIURL, "ui/settings"),
		},
		Begin: map[flow.Kind]flow.Return{
			flow.Login:        g.to("", "self-service/login/browser"),
			flow.Registration: g.to("", "self-service/registration/browser"),
			flow.Settings:     g.to("", "self-service/settings/browser"),
		},
		SecondFactor:   g.to("", "self-service/login/browser?aal=aal2"),
		Settings:       g.to("", "self-service/settings"),
		ChangePassword: g.to("", "self-service/settings/browser"),
		Home:           g.to("", homePath),
		Sessions:       g.to("", "ui/sessions"),
		Error:          g.to(self.ErrorUIURL, "ui/error"),
		AfterLogout:    g.either("ui/signed-out", self.Logout.After, self.DefaultBrowserReturnURL),
	}
	if self.Logout.UIURL != "" || self.ErrorUIURL == "" {
		p.Logout = g.to(self.Logout.UIURL, "ui/logout")
	}
	return p, g.err
}

var sameSite = map[string]http.SameSite{"Strict": http.SameSiteStrictMode, "Lax": http.SameSiteLaxMode, "None": http.SameSiteNoneMode}

func attributes(c config.Cookies) server.Attributes {
	return server.Attributes{Domain: c.Domain, Path: c.Path, SameSite: sameSite[c.SameSite], Secure: c.Secure}
}

func sessionCookie(c config.SessionCookie) server.SessionCookie {
	return server.SessionCookie{Attributes: attributes(c.Cookies), Name: c.Name, Former: c.PreviousNames, Persistent: c.Persistent}
}
