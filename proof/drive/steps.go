package drive

import (
	"net/http"

	"exeunt/proof/history"
)

// chance is one thing to do, and how often it is done in relation to the others.
type chance struct {
	weight int
	do     func(*client, *person)
}

// what the owners of sessions do whose sessions nobody ends.
var calmly = []chance{
	{60, (*client).check},
	{6, (*client).list},
	{10, (*client).extend},
	{4, (*client).renewAlone},
	{12, (*client).harm},
}

var wildly = []chance{
	{46, (*client).check},
	{3, (*client).list},
	{5, (*client).extend},
	{3, (*client).renew},
	{12, (*client).signIn},
	{6, (*client).signInByBrowser},
	{10, (*client).leave},
	{3, (*client).revoke},
	{1, (*client).revokeOthers},
	{3, (*client).adminEnd},
	{1, (*client).adminEndOf},
	{1, (*client).adminBulk},
	{1, (*client).disable},
	{1, (*client).changePassword},
	{5, (*client).harm},
}

// step does one thing at random.
func (c *client) step() {
	p := c.people[c.dice.IntN(len(c.people))]
	all := wildly
	if p.calm {
		all = calmly
	}
	total := 0
	for _, one := range all {
		total += one.weight
	}
	roll := c.dice.IntN(total)
	for _, one := range all {
		if roll -= one.weight; roll < 0 {
			one.do(c, p)
			return
		}
	}
}

// credential picks one of a person; who has none signs in instead.
func (c *client) credential(p *person, fits func(*credential) bool) *credential {
	k := p.pick(c.dice, fits)
	if k != nil {
		return k
	}
	if !p.calm && c.dice.IntN(3) == 0 {
		c.signInByBrowser(p)
	} else if !p.calm {
		c.signIn(p)
	}
	return nil
}

func (c *client) check(p *person) {
	if k := c.credential(p, whichever); k != nil {
		c.whoami(p, k)
	}
}

func (c *client) whoami(p *person, k *credential) *history.Op {
	o := history.Op{Kind: history.Whoami, Way: "token"}
	bearer := !k.browser && c.dice.IntN(4) == 0
	switch {
	case k.browser:
		o.Way = "cookie"
	case bearer:
		o.Way = "bearer"
	}
	done, _ := c.note(o, request{method: "GET", path: "/sessions/whoami", with: k, bearer: bearer})
	if done != nil && done.Status == http.StatusUnauthorized {
		p.drop(k)
	}
	return done
}

func (c *client) list(p *person) {
	k := c.credential(p, whichever)
	if k == nil {
		return
	}
	o := history.Op{Kind: history.List, Person: k.person}
	c.noteList(o, request{method: "GET", path: "/sessions?include=current&page_size=50", with: k})
}

func (c *client) extend(p *person) {
	k := c.credential(p, whichever)
	if k == nil {
		return
	}
	c.note(history.Op{Kind: history.Extend, Person: k.person, Session: k.session}, request{method: "PATCH", admin: true, path: "/admin/sessions/" + k.session + "/extend"})
}

func (c *client) renew(p *person) {
	if k := c.credential(p, native); k != nil {
		c.refresh(p, k)
	}
}

// renewAlone takes the first of a calm person's tokens, and never one that was replaced: that would begin another session.
func (c *client) renewAlone(p *person) {
	for _, k := range p.held() {
		if native(k) {
			c.refresh(p, k)
			return
		}
	}
}

func (c *client) revoke(p *person) {
	k, other := c.credential(p, whichever), p.pick(c.dice, whichever)
	if k == nil || other == nil || k.person != other.person {
		return
	}
	o := history.Op{Kind: history.Revoke, Named: []string{other.session}}
	c.insist(o, request{method: "DELETE", path: "/sessions/" + other.session, with: k})
	if k.session != other.session {
		p.drop(other)
	}
}

func (c *client) revokeOthers(p *person) {
	if k := c.credential(p, whichever); k != nil {
		c.note(history.Op{Kind: history.RevokeOthers}, request{method: "DELETE", path: "/sessions", with: k})
	}
}

func (c *client) changePassword(p *person) {
	if k := c.credential(p, native); k != nil {
		c.change(p, k)
	}
}

func (c *client) adminEnd(p *person) {
	if k := c.credential(p, whichever); k != nil {
		o := history.Op{Kind: history.AdminEnd, Person: k.person, Named: []string{k.session}}
		c.insist(o, request{method: "DELETE", admin: true, path: "/admin/sessions/" + k.session})
		p.drop(k)
	}
}

func (c *client) adminEndOf(p *person) {
	id := p.identity()
	c.note(history.Op{Kind: history.AdminEndOf, Person: id}, request{method: "DELETE", admin: true, path: "/admin/identities/" + id + "/sessions"})
}

// adminBulk ends some sessions of several people, or all sessions of one or two.
func (c *client) adminBulk(p *person) {
	action := "disable"
	if c.dice.IntN(2) == 0 {
		action = "delete"
	}
	o, body := history.Op{Kind: history.AdminBulk, Way: action}, object{"action": action}
	if c.dice.IntN(3) == 0 {
		o.Whose = []string{p.identity()}
		body["identities"] = o.Whose
	} else {
		for _, who := range []*person{p, c.somebody(), c.somebody()} {
			if k := who.pick(c.dice, whichever); k != nil {
				o.Named = append(o.Named, k.session)
			}
		}
		body["sessions"] = o.Named
	}
	if len(o.Named)+len(o.Whose) > 0 {
		c.note(o, request{method: "POST", admin: true, path: "/admin/sessions", body: body})
	}
}

// somebody is one whose sessions may be ended.
func (c *client) somebody() *person { return c.people[c.calm+c.dice.IntN(len(c.people)-c.calm)] }

// disable takes an identity out of use and back, or deletes it, and then somebody else takes its place.
func (c *client) disable(p *person) {
	id := p.identity()
	path := "/admin/identities/" + id
	set := func(kind history.Kind, state string) {
		c.note(history.Op{Kind: kind, Person: id}, request{method: "PATCH", admin: true, path: path,
			body: []object{{"op": "replace", "path": "/state", "value": state}}})
	}
	if c.dice.IntN(3) > 0 {
		set(history.Disable, "inactive")
		set(history.Enable, "active")
		return
	}
	if o, _ := c.note(history.Op{Kind: history.Delete, Person: id}, request{method: "DELETE", admin: true, path: path}); o != nil {
		c.create(p)
	}
}
