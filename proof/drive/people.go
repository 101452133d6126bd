package drive

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// person is an identity and what its owner holds.
type person struct {
	calm bool

	mu       sync.Mutex
	id       string
	email    string
	password string
	live     []*credential // as far as its owner knows
	dead     []*credential // signed out, or found to be
}

// credential is a token or a cookie with its session.
type credential struct {
	number  int
	secret  string
	session string
	person  string // the identity's id
	browser bool
	logout  string // a logout token that was fetched for it, or ""; the person's lock holds it
}

const (
	mostLive = 12
	mostDead = 24
)

func (p *person) identity() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id
}

func (p *person) account() (id, email, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id, p.email, p.password
}

func (p *person) held() []*credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.live)
}

func (p *person) everything() []*credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(slices.Clone(p.live), p.dead...)
}

func (p *person) keep(k *credential) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k.person != p.id {
		return // somebody else has taken the place
	}
	p.live = append(p.live, k)
	if len(p.live) > mostLive {
		p.bury(p.live[0])
	}
}

// drop notes that a credential is worth nothing any more. It is still used now and then.
func (p *person) drop(k *credential) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bury(k)
}

func (p *person) bury(k *credential) {
	at := slices.Index(p.live, k)
	if at < 0 {
		return
	}
	p.live = slices.Delete(p.live, at, at+1)
	if p.dead = append(p.dead, k); len(p.dead) > mostDead {
		p.dead = p.dead[1:]
	}
}

// pick returns a credential, in most cases one that should count, or nil.
func (p *person) pick(dice *rand.Rand, fits func(*credential) bool) *credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.live
	if len(from) == 0 || len(p.dead) > 0 && dice.IntN(5) == 0 {
		from = p.dead
	}
	from = slices.DeleteFunc(slices.Clone(from), func(k *credential) bool { return !fits(k) })
	if len(from) == 0 {
		return nil
	}
	return from[dice.IntN(len(from))]
}

// logoutOf is the logout token that was fetched for a credential, or "".
func (p *person) logoutOf(k *credential) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return k.logout
}

func (p *person) remember(k *credential, logout string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k.logout = logout
}

func native(k *credential) bool  { return !k.browser }
func browser(k *credential) bool { return k.browser }
func whichever(*credential) bool { return true }

// begins makes the person somebody else, who holds nothing yet.
func (p *person) begins(id, email, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.email, p.password, p.live, p.dead = id, email, password, nil, nil
}

func (p *person) changed(id, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.id == id {
		p.password = password
	}
}

// secrets are all that were handed out, to be looked for where they must not be.
type secrets struct {
	mu  sync.Mutex
	all []string
}

func (s *secrets) add(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, secret)
}

// Secrets returns every token, cookie, password and logout token so far.
func (w *World) Secrets() []string {
	w.secrets.mu.Lock()
	defer w.secrets.mu.Unlock()
	return slices.Clone(w.secrets.all)
}
