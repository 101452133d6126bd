package drive

import (
	"net/url"

	"exeunt/proof/history"
)

const evil = "https://evil.example"

// harm tries, with what a person's browser would send along, to cause what the person has not asked for, or to reach for
// somebody else's session.
func (c *client) harm(p *person) {
	k := p.pick(c.dice, browser)
	if k == nil {
		return
	}
	token := c.beginLogout(p, k)
	if token == "" {
		return
	}
	link := "/self-service/logout" + query(token)
	o := history.Op{Kind: history.LogoutLink, Named: []string{k.session}}
	q := request{method: "GET", path: link, with: k, header: []string{"Accept", "application/json"}}
	switch c.dice.IntN(9) {
	case 0:
		o.Hostile, q.method = "HEAD", "HEAD"
	case 1:
		o.Hostile, q.header = "image", append(q.header, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
	case 2:
		o.Hostile, q.header = "prefetch", append(q.header, "Sec-Purpose", "prefetch", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	case 3:
		o.Kind, o.Hostile = history.LogoutForm, "posted from afar"
		q.method, q.path, q.form = "POST", "/self-service/logout", url.Values{"token": {token}}.Encode()
		q.header = append(q.header, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	case 4:
		o.Hostile, q.path = "bad return_to", link+"&return_to="+url.QueryEscape(evil+"/after")
	case 5:
		o.Kind, o.Hostile = history.LogoutBegin, "begin, bad return"
		q.path = "/self-service/logout/browser?return_to=" + url.QueryEscape("//evil.example")
	default:
		c.reach(p, k, token)
		return
	}
	c.note(o, q)
}

// reach uses the credential of somebody else.
func (c *client) reach(p *person, k *credential, token string) {
	other := c.people[c.dice.IntN(len(c.people))]
	theirs := other.pick(c.dice, browser)
	if theirs == nil || theirs.person == k.person {
		return
	}
	o := history.Op{Person: theirs.person, Named: []string{k.session}}
	q := request{method: "GET", with: theirs, header: []string{"Accept", "application/json"}}
	switch c.dice.IntN(4) {
	case 0:
		o.Kind, o.Hostile = history.Revoke, "foreign session"
		q.method, q.path = "DELETE", "/sessions/"+k.session
	case 1:
		o.Kind, o.Hostile = history.LogoutScript, "foreign token"
		q.path = "/self-service/logout" + query(token)
	case 2:
		o.Kind, o.Hostile = history.Whoami, "id as token"
		q.path, q.with, q.header = "/sessions/whoami", nil, append(q.header, "X-Session-Token", k.session)
	case 3:
		o.Kind, o.Hostile = history.Whoami, "token as cookie"
		q.path, q.with, q.header = "/sessions/whoami", nil, append(q.header, "Cookie", "ory_kratos_session="+token)
	}
	c.note(o, q)
}
