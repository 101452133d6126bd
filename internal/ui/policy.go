package ui

import "strings"

// Policy is the Content-Security-Policy of all pages. A browser applies form-action to where a form's answer redirects
// to as well, so formActions holds the origins that may be sent to after a form. What is no single source is left out.
func (p *Pages) Policy(formActions []string) string {
	self := "'self' " + p.origin
	actions := self
	for _, a := range formActions {
		if a != "" && a != p.origin && !strings.ContainsAny(a, " \t\r\n;,") {
			actions += " " + a
		}
	}
	return strings.Join([]string{
		"default-src 'none'", "style-src " + self, "script-src " + self, "img-src " + self, "connect-src " + self,
		"form-action " + actions, "frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
}
