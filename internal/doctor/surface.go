package doctor

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"exeunt/internal/config"
)

const beginLogin = "/self-service/login/browser"

// flow begins a sign-in, as a browser would, and compares where its form goes with the address that was asked. It
// reports whether there was one.
func (d *Doctor) flow(ctx context.Context) bool {
	const check = "base URL"
	a, err := d.ask(ctx, http.MethodGet, d.Server+beginLogin)
	action := a.text("ui", "action")
	base, _, ok := strings.Cut(action, "/self-service/")
	switch {
	case err != nil:
		d.problem(check, "unreachable", "", "%s does not answer: %v", beginLogin, err)
		return false
	case a.status != http.StatusOK || !ok:
		d.problem(check, "no_flow", "The server's log has the reason; 429 passes by itself.", "No sign-in can be begun: %s answers %d %s", beginLogin, a.status, a.text("error", "id"))
		return false
	}
	d.base, d.jar = base, setCookies(a.header)
	d.baseURL()
	return true
}

func (d *Doctor) baseURL() {
	const check = "base URL"
	here, there := parse(d.Server), parse(d.base)
	do := "Set serve.public.base_url to " + d.Server + "/, or use the address that is configured."
	switch {
	case d.base == d.Server:
		d.good(check, "serve.public.base_url is the address that was asked")
	case here.Scheme == "https" && there.Scheme == "http":
		d.problem(check, "base_url_http", "Set serve.public.base_url to "+d.Server+"/: behind a proxy that speaks TLS, exeunt cannot know it by itself, whatever X-Forwarded-Proto says.",
			"The server is reached by https, but takes its own address for %s: forms post in clear text, and cookies are not Secure", d.base)
	default:
		d.problem(check, "base_url_differs", do, "The server was asked at %s, but takes its own address for %s: forms and redirects lead there", d.Server, d.base)
	}
}

// setCookies are those that a browser would be told to keep.
func setCookies(h http.Header) []*http.Cookie { return (&http.Response{Header: h}).Cookies() }

// cookies judges the cookies that the server sets, as a browser would. That of a session shows itself when one that is
// no token is removed.
func (d *Doctor) cookies(ctx context.Context) {
	const check = "cookies"
	if len(d.jar) == 0 {
		d.problem(check, "cookies_dropped", "Look in the proxy's configuration for what drops Set-Cookie (nginx: proxy_hide_header, proxy_ignore_headers, a cache).",
			"Beginning a sign-in sets no cookie: what is between here and exeunt drops it, and nobody can sign in")
		return
	}
	all := d.jar
	if a, err := d.ask(ctx, http.MethodGet, d.Server+"/sessions/whoami", "Cookie", d.Cookie+"=doctor"); err == nil {
		all = append(all, d.sessionCookie(check, setCookies(a.header))...)
	}
	bad := len(d.found)
	seen := map[string]bool{}
	for _, c := range all {
		d.same = c.SameSite // the last one is that of the session, if it is known
		for _, f := range d.judge(c) {
			if !seen[f.Cause] {
				d.found = append(d.found, f)
			}
			seen[f.Cause] = true
		}
	}
	if len(d.found) == bad {
		d.good(check, "browsers keep the cookies: for %s, Secure: %t, SameSite: %s", scope(all[len(all)-1], d.Server), all[len(all)-1].Secure, siteName(d.same))
	}
}

// sessionCookie is what the server removes of the session cookie: for the domain first, and then for the host alone.
func (d *Doctor) sessionCookie(check string, removed []*http.Cookie) []*http.Cookie {
	for _, c := range removed {
		if c.Name == d.Cookie {
			return []*http.Cookie{c}
		}
	}
	d.note(check, "cookie_name", "Name it with --cookie, or name the configuration with -c.", "The session cookie is not called %s here; it is judged by the one against forgery", d.Cookie)
	return nil
}

func scope(c *http.Cookie, server string) string {
	if c.Domain != "" {
		return c.Domain + " and below"
	}
	return parse(server).Hostname() + " alone"
}

func siteName(s http.SameSite) string {
	return map[http.SameSite]string{http.SameSiteLaxMode: "Lax", http.SameSiteStrictMode: "Strict", http.SameSiteNoneMode: "None"}[s]
}

// judge says what a browser has against a cookie.
func (d *Doctor) judge(c *http.Cookie) (all []Finding) {
	u := parse(d.Server)
	host, local := u.Hostname(), loopback(u.Hostname())
	add := func(level Level, cause, do, says string) {
		all = append(all, Finding{"cookies", level, cause, says, do})
	}
	if domain := strings.TrimPrefix(c.Domain, "."); domain != "" && host != domain && !strings.HasSuffix(host, "."+domain) {
		add(Problem, "cookie_domain", "Set cookies.domain to "+host+" or a domain above it, or leave it out; or use an address below "+domain+".",
			"Cookies are for "+domain+", and the server is reached at "+host+": browsers drop them, and nobody can sign in")
	}
	if u.Scheme == "https" && !c.Secure {
		add(Problem, "cookie_not_secure", "Set serve.public.base_url to the https address, or cookies.secure: true.", "The server is reached by https, but its cookies are not Secure: they travel by http as well")
	}
	if u.Scheme == "http" && c.Secure {
		level := Problem
		if local {
			level = Note
		}
		add(level, "cookie_secure_http", "Use https. On a developer's machine, exeunt serve --dev or exeunt tunnel.", "Cookies are Secure, and the server is reached by http: browsers drop them, or most do")
	}
	if path := u.Path + "/"; c.Path != "" && !strings.HasPrefix(path, strings.TrimSuffix(c.Path, "/")+"/") {
		add(Problem, "cookie_path", "Set cookies.path to /.", "Cookies are for the path "+c.Path+", and the API is at "+path+": browsers do not send them there")
	}
	if c.SameSite == http.SameSiteNoneMode && !c.Secure {
		add(Problem, "cookie_none_insecure", "Use https, or cookies.same_site: Lax.", "Cookies have SameSite=None without Secure: browsers drop them")
	}
	return all
}

// returns asks whether people may be sent back to some addresses.
func (d *Doctor) returns(ctx context.Context) {
	const check = "return address"
	for _, to := range d.Returns {
		a, err := d.ask(ctx, http.MethodGet, d.Server+beginLogin+"?return_to="+url.QueryEscape(to))
		switch {
		case err != nil:
			d.problem(check, "unreachable", "", "%s does not answer: %v", beginLogin, err)
		case a.text("error", "id") == "self_service_flow_return_to_forbidden":
			d.problem(check, "return_not_allowed", "Add it, or the origin with a path that it is below, to selfservice.allowed_return_urls.", "%s is not allowed", where(to))
		case a.status != http.StatusOK:
			d.problem(check, "return_malformed", "Write it absolute, as https://app.example.com/path.", "%s is refused: %s", where(to), a.text("error", "reason"))
		default:
			d.good(check, "%s is allowed", where(to))
		}
	}
}

// origin asks whether a page of an origin may call the API with cookies, and whether a browser would send them.
func (d *Doctor) origin(ctx context.Context, origin string) {
	const check = "origin"
	ours, theirs := parse(d.Server), parse(origin)
	if ours.Scheme == theirs.Scheme && ours.Host == theirs.Host {
		d.good(check, "%s is the server's own", origin)
		return
	}
	a, err := d.ask(ctx, http.MethodOptions, d.Server+beginLogin, "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "content-type")
	b, err2 := d.ask(ctx, http.MethodGet, d.Server+"/sessions/whoami", "Origin", origin)
	if err != nil || err2 != nil {
		d.problem(check, "unreachable", "", "The server does not answer a page of %s", origin)
		return
	}
	bad := len(d.found)
	allowed := b.header["Access-Control-Allow-Origin"]
	add := "Set serve.public.cors.enabled: true, and add " + origin + " to serve.public.cors.allowed_origins."
	switch {
	case len(allowed) > 1 || len(a.header["Access-Control-Allow-Origin"]) > 1:
		d.problem(check, "cors_twice", "Let only one of them do it: exeunt, with serve.public.cors, or the proxy.", "Both exeunt and something before it set Access-Control-Allow-Origin: browsers refuse that")
	case len(allowed) == 0:
		d.problem(check, "cors_not_allowed", add, "Scripts of %s may not read answers: the origin is not allowed", origin)
	case allowed[0] == "*":
		d.problem(check, "cors_star", add+" Not *.", "Any origin may read answers, but none with cookies: browsers refuse * with credentials")
	case allowed[0] != origin:
		d.problem(check, "cors_other", add, "Answers may be read by %s, not by %s", allowed[0], origin)
	case b.header.Get("Access-Control-Allow-Credentials") != "true":
		d.problem(check, "cors_no_credentials", "Set serve.public.cors.allow_credentials: true.", "Scripts of %s may call without cookies alone", origin)
	case a.header.Get("Access-Control-Allow-Origin") == "":
		d.problem(check, "cors_preflight", "Allow GET and POST, and the header Content-Type, in serve.public.cors; let the proxy pass OPTIONS on.", "What a browser asks before a call of %s is refused with %d", origin, a.status)
	}
	if config.Site(ours.Hostname()) != config.Site(theirs.Hostname()) && d.same != http.SameSiteNoneMode && d.same != 0 {
		d.problem(check, "same_site", "Give both names below one domain (app.example.com, auth.example.com). Or set cookies.same_site: None, with https; some browsers refuse such cookies too.",
			"%s and the server are of two sites, and cookies have SameSite=%s: browsers do not send them with calls of its scripts", origin, siteName(d.same))
	}
	if len(d.found) == bad {
		d.good(check, "scripts of %s may call with cookies", origin)
	}
}

// embedding asks whether the application works in a frame of another site.
func (d *Doctor) embedding() {
	const check = "embedding"
	if !d.Embedded || d.same == 0 {
		return
	}
	if d.same != http.SameSiteNoneMode {
		d.problem(check, "embedded_same_site", "Set cookies.same_site: None, with https; or open the application in a window of its own.",
			"In a frame of another site browsers do not send cookies with SameSite=%s: nobody is signed in there", siteName(d.same))
		return
	}
	d.good(check, "cookies are sent in frames of other sites, by browsers that allow it")
}

const adminList = "/admin/identities?page_size=1"

// publicAdmin asks, without a key, whether the admin API is open where everybody is.
func (d *Doctor) publicAdmin(ctx context.Context) {
	const check = "admin API in public"
	a, err := d.ask(ctx, http.MethodGet, d.Server+adminList)
	if err == nil && a.status == http.StatusOK && strings.HasPrefix(strings.TrimSpace(string(a.body)), "[") {
		d.problem(check, "admin_open_in_public", "At once: take it out of the proxy, which passes /admin on to the admin listener. Make keys with `exeunt keys create`; the public listener then has /admin itself, behind them.",
			"Everybody who reaches %s reads and changes all identities: /admin asks for no key", d.Server)
		return
	}
	if err == nil {
		d.good(check, "/admin is not open there")
	}
}

// adminListener asks, without a key, whether the admin listener is open.
func (d *Doctor) adminListener(ctx context.Context) {
	const check = "admin listener"
	if d.Admin == "" {
		return
	}
	a, err := d.ask(ctx, http.MethodGet, d.Admin+adminList)
	switch {
	case err != nil:
		d.note(check, "admin_unreachable", "From outside that is as it should be. Otherwise name it with --admin.", "%s does not answer: %v", d.Admin, err)
	case a.status != http.StatusOK:
		d.good(check, "%s asks for a key", d.Admin)
	case loopback(parse(d.Admin).Hostname()):
		d.note(check, "admin_open_locally", "Make a key, if others use this machine: `exeunt keys create NAME --scope all`.", "%s asks for no key: every program on this machine may do everything", d.Admin)
	default:
		d.problem(check, "admin_open", "Make a key with `exeunt keys create NAME --scope all`, or have it listen on 127.0.0.1.", "%s asks for no key: whoever reaches it may do everything", d.Admin)
	}
}

// parse reads an address that was checked before.
func parse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return &url.URL{}
	}
	return u
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// hostOf is a host with a port, as an address or a Host header has it, in one form.
func hostOf(host, scheme string) string {
	usual := map[string]string{"https": "443", "http": "80"}[scheme]
	if name, port, err := net.SplitHostPort(host); err == nil && port == usual {
		host = name
	}
	return strings.ToLower(host)
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
