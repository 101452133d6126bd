package ui

import "strings"

// Policy is the Content-Security-Policy of a page; pictures are more sources of them than our own. It says nothing of form-action: browsers apply that to every
// redirect after a form, also those that an application makes once it has got its visitor back, and would stop them.
func (p *Pages) Policy(pictures ...string) string {
	self := "'self' " + p.origin
	return strings.Join([]string{
		"default-src 'none'", "style-src " + self, "script-src " + self, "img-src " + strings.Join(append([]string{self}, pictures...), " "), "connect-src " + self,
		"frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
}
