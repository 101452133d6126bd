package config

// sessions checks the times of sessions against one another.
func (l *loader) sessions() {
	c := &l.config.Session
	s, ok := l.rule("session.max_lifespan", "session.lifespan")
	if ok && c.MaxLifespan > 0 && c.MaxLifespan < c.Lifespan {
		s.wrong("session.lifespan (%s) is longer than session.max_lifespan (%s) lets any session live; lower the one or raise the other", c.Lifespan, c.MaxLifespan)
	}
	s, ok = l.rule("session.remember_me.lifespan", "session.max_lifespan")
	if ok && c.MaxLifespan > 0 && c.MaxLifespan < c.RememberMe {
		s.wrong("session.remember_me.lifespan (%s) is longer than session.max_lifespan (%s) lets any session live; lower the one or raise the other", c.RememberMe, c.MaxLifespan)
	}
	s, ok = l.rule("session.idle_timeout", "session.lifespan", "session.remember_me.lifespan")
	if longest := max(c.Lifespan, c.RememberMe); ok && c.IdleTimeout > longest {
		s.wrong("session.idle_timeout (%s) would never matter, because sessions last %s; write less, or leave it out", c.IdleTimeout, longest)
	}
	s, ok = l.rule("session.remember_me.lifespan", "session.cookie.persistent")
	if ok && c.RememberMe > 0 && l.given["session.cookie.persistent"] != nil && !c.Cookie.Persistent {
		s.wrong("whoever stays signed in needs a cookie that outlives the browser, and session.cookie.persistent forbids it; leave out one of the two")
	}
	l.remembered()
	l.cacheable()
}

// remembered tells when the longer of two lifespans is the shorter one.
func (l *loader) remembered() {
	if c := l.config.Session; c.RememberMe > 0 && c.RememberMe < c.Lifespan {
		l.notice("session.remember_me.lifespan: it is shorter than session.lifespan, so whoever chooses to stay signed in is signed out sooner")
	}
}

// cacheable tells what it means to let others keep whoami's answers.
func (l *loader) cacheable() {
	c := l.config.Session
	switch {
	case !c.Cacheable:
	case c.CacheableMaxAge == 0:
		l.notice("feature_flags.cacheable_sessions: whoever obeys the header accepts a session that has ended until its original expiry; set feature_flags.cacheable_sessions_max_age to a few seconds")
	default:
		l.notice("feature_flags.cacheable_sessions: whoever obeys the header accepts a session that has ended for up to %s", c.CacheableMaxAge)
	}
}
