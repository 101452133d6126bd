package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// settle checks the rules that concern several keys, and fills in what follows from other settings.
func (l *loader) settle() {
	l.ports()
	l.argon2()
	l.bcrypt()
	l.schemas()
	l.sessions()
	l.hooks()
	l.returns()
	c := &l.config.SelfService
	if c.Registration.EnableLegacyOneStep {
		c.Registration.Style = "unified"
	}
	c.TOTP.Issuer = cmp.Or(c.TOTP.Issuer, l.config.UI.ProductName)
	l.baseURLs()
	l.pages()
	l.sharedSecrets()
	l.cookies()
	l.cors()
}

// hooks gives each method the general hooks if it has none of its own.
func (l *loader) hooks() {
	self := &l.config.SelfService
	general := map[*[]string][]string{
		&self.Login.AfterPassword: self.Login.AfterHooks, &self.Login.AfterTOTP: self.Login.AfterHooks,
		&self.Login.AfterLookupSecret: self.Login.AfterHooks, &self.Registration.AfterPassword: self.Registration.AfterHooks,
	}
	for own, hooks := range general {
		if len(*own) == 0 {
			*own = hooks
		}
	}
	for _, method := range l.revoking {
		self.Settings.RevokeOthers[method] = true
	}
}

// returns fills in where a browser goes after each method.
func (l *loader) returns() {
	login, registration, settings := &l.config.SelfService.Login, &l.config.SelfService.Registration, &l.config.SelfService.Settings
	login.AfterWithPassword = cmp.Or(login.AfterWithPassword, login.After)
	login.AfterWithTOTP = cmp.Or(login.AfterWithTOTP, login.After)
	login.AfterWithLookupSecret = cmp.Or(login.AfterWithLookupSecret, login.After)
	registration.AfterWithPassword = cmp.Or(registration.AfterWithPassword, registration.After)
	after := map[string]string{}
	for _, method := range settingsMethods {
		after[method] = cmp.Or(settings.AfterMethod[method], settings.After)
	}
	settings.AfterMethod = after
}

// rule begins a check over several keys: the site is the first of them that was set, and ok is false if one of them
// has a problem of its own.
func (l *loader) rule(paths ...string) (s site, ok bool) {
	s = site{l: l, key: paths[0], path: paths[0], value: &value{}, rule: paths}
	for _, key := range slices.Backward(paths) {
		if l.unsound[key] {
			return s, false
		}
		if v := l.given[key]; v != nil {
			s.key, s.path, s.value = key, key, v
		}
	}
	return s, true
}

func (l *loader) ports() {
	public, admin := l.config.Serve.Public.Port, l.config.Serve.Admin.Port
	s, ok := l.rule("serve.admin.port", "serve.public.port")
	if ok && public == admin && public != 0 {
		s.wrong("the public and the admin listener share port %d; give each its own", public)
	}
}

// leastMemory is how many MiB Argon2id needs for 1, 2, 3, 4 and for 5 or more iterations to be of one strength; the
// figures are OWASP's.
var leastMemory = []uint64{46, 19, 12, 9, 7}

// argon2 raises what is too weak to protect a password, so that a file written for another server starts unchanged and
// nobody's password is the worse for it.
func (l *loader) argon2() {
	a := &l.config.Hashers.Argon2
	s, ok := l.rule("hashers.argon2.memory", "hashers.argon2.iterations", "hashers.argon2.parallelism")
	least := leastMemory[min(max(a.Iterations, 1), len(leastMemory))-1]
	switch {
	case !ok:
		return
	case a.Memory < 8<<10*uint64(a.Parallelism):
		s.wrong("the algorithm needs 8KiB of memory for each unit of parallelism; raise hashers.argon2.memory")
		return
	case a.Memory < least<<20 && !l.config.Hashers.WeakForTests:
		a.Memory = least << 20
		l.notice("hashers.argon2.memory: with iterations at %d, less than %dMiB is too weak, so %dMiB are used", a.Iterations, least, least)
	}
	if l.given["hashers.argon2.dedicated_memory"] == nil {
		a.DedicatedMemory = max(a.DedicatedMemory, a.Memory)
	}
	if s, ok := l.rule("hashers.argon2.dedicated_memory", "hashers.argon2.memory"); ok && a.DedicatedMemory < a.Memory {
		s.wrong("hashers.argon2.dedicated_memory is less than one hash needs; raise it to at least hashers.argon2.memory")
	}
}

// leastCost is the least cost of bcrypt that is good enough; Kratos raises lower ones to the same.
const leastCost = 12

func (l *loader) bcrypt() {
	h := &l.config.Hashers
	if h.WeakForTests {
		l.notice("hashers.weak_for_tests: password hashes may be too weak to protect anybody; never set it in production")
		return
	}
	if h.BcryptCost < leastCost {
		l.notice("hashers.bcrypt.cost: %d is too weak, so %d is used", h.BcryptCost, leastCost)
		h.BcryptCost = leastCost
	}
}

func (l *loader) schemas() {
	s, ok := l.rule("identity.default_schema_id", "identity.schemas")
	id := l.config.Identity.DefaultSchemaID
	known := []string{}
	for _, schema := range l.config.Identity.Schemas {
		known = append(known, schema.ID)
	}
	switch {
	case !ok || slices.Contains(known, id) || len(known) == 0 && id == "default":
	case len(known) == 0:
		s.wrong("there is no schema %s; add it to identity.schemas", quoted(id))
	default:
		s.wrong("the default schema %s is not in identity.schemas; set identity.default_schema_id to one of its ids, such as %s", quoted(id), quoted(known[0]))
	}
}

// pages refuses addresses of pages that lead back to where people are sent there from.
func (l *loader) pages() {
	self := l.config.SelfService
	for key, address := range map[string]string{"login": self.Login.UIURL, "registration": self.Registration.UIURL, "settings": self.Settings.UIURL, "logout": self.Logout.UIURL, "error": self.ErrorUIURL} {
		s, ok := l.rule("selfservice.flows." + key + ".ui_url")
		if ok && address != "" && l.leadsBack(key, address) {
			s.wrong("%s leads back to the API, which leads there, without end; write the address of a page, or leave it out", quoted(address))
		}
	}
}

// leadsBack reports whether an address is one of the API's own, or, for a flow, the page that needs the flow first.
func (l *loader) leadsBack(key, address string) bool {
	base := l.publicURL()
	u, err := base.Parse(address)
	if err != nil || u.Scheme != base.Scheme || !strings.EqualFold(u.Hostname(), base.Hostname()) || port(u) != port(base) {
		return false
	}
	own := strings.TrimSuffix(base.Path, "/")
	at := path.Clean("/" + u.Path)
	home := key != "logout" && key != "error" && (at == path.Clean(own+"/") || at == own+"/ui")
	return home || strings.HasPrefix(at+"/", own+"/self-service/")
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// sharedSecrets tells whoever may run several nodes that each would have secrets of its own.
func (l *loader) sharedSecrets() {
	c := l.config
	scheme, _, _ := strings.Cut(c.DSN, "://")
	if slices.Contains([]string{"postgres", "postgresql", "cockroach"}, scheme) && len(c.Secrets.Default)+len(c.Secrets.Cookie) == 0 {
		l.notice("secrets.default: not set, so this node makes its own and keeps them in ./exeunt-data; nodes that share a database need the same, or one refuses the logout links of another")
	}
}

// baseURLs derives the base URLs that were not set from host and port. A free port is not known yet.
func (l *loader) baseURLs() {
	p, a := &l.config.Serve.Public, &l.config.Serve.Admin
	if p.BaseURL == "" && p.Port != 0 {
		p.BaseURL = ownURL(p.Host, p.Port)
		if ip, err := netip.ParseAddr(p.Host); err == nil && ip.IsUnspecified() {
			l.notice("serve.public.base_url: not set, so links lead to %s; set it to the address that browsers use", p.BaseURL)
		}
	}
	if a.BaseURL == "" && a.Port != 0 {
		a.BaseURL = ownURL(a.Host, a.Port)
	}
}

func ownURL(host string, port int) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/"
}
