package drive

import (
	"net/http"
	"net/url"

	"exeunt/proof/history"
)

// leave signs out in one of all the ways.
func (c *client) leave(p *person) {
	k := c.credential(p, whichever)
	switch {
	case k == nil:
	case !k.browser:
		c.leaveNatively(p, k)
	default:
		c.leaveByBrowser(p, k)
	}
}

// leaveNatively reports whether that was answered with success.
func (c *client) leaveNatively(p *person, k *credential) bool {
	o := history.Op{Kind: history.LogoutNative, Person: k.person, Session: k.session, Token: k.number}
	done := c.insist(o, request{method: "DELETE", path: "/self-service/logout/api", body: object{"session_token": k.secret}})
	if done == nil || done.Status != http.StatusNoContent {
		return false
	}
	p.drop(k)
	return true
}

// insist asks once more when the answer is that the store is not available: who wants to be signed out tries again.
func (c *client) insist(o history.Op, q request) *history.Op {
	done, _ := c.note(o, q)
	if done != nil && done.Status == http.StatusServiceUnavailable {
		done, _ = c.note(o, q)
	}
	return done
}

func (c *client) leaveByBrowser(p *person, k *credential) {
	token := c.beginLogout(p, k)
	if token == "" {
		return
	}
	o := history.Op{Named: []string{k.session}}
	q := request{method: "GET", path: "/self-service/logout" + query(token), with: k}
	switch c.dice.IntN(3) {
	case 0:
		o.Kind = history.LogoutLink
		q.header = []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin"}
	case 1:
		o.Kind = history.LogoutScript
		q.header = []string{"Accept", "application/json", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin"}
	case 2:
		o.Kind = history.LogoutForm
		q.method, q.path, q.form = "POST", "/self-service/logout", url.Values{"token": {token}}.Encode()
		q.header = []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin", "Origin", c.Base}
	}
	done := c.insist(o, q)
	if done != nil && (done.Status == http.StatusNoContent || done.Status == http.StatusSeeOther) {
		p.drop(k)
	}
}
