package config

// Kratos is what taking over needs of the configuration of a Kratos: what its cookies are sealed with and called, and where
// its data is. Everything else in its file is left alone, known or not.
type Kratos struct {
	DSN           string
	CookieSecrets []string // in effect: those of cookies, or else the general ones
	CookieName    string
	Schemas       []string // ids
}

// ReadKratos reads the configuration file of a Kratos.
func ReadKratos(path string) (*Kratos, error) {
	l := &loader{}
	v := l.file(path)
	if len(l.problems.List) > 0 {
		return nil, &l.problems
	}
	k := &Kratos{DSN: v.inside("dsn").word(), CookieName: v.inside("session", "cookie", "name").word()}
	if k.CookieName == "" {
		k.CookieName = "ory_kratos_session"
	}
	if k.CookieSecrets = v.inside("secrets", "cookie").words(); len(k.CookieSecrets) == 0 {
		k.CookieSecrets = v.inside("secrets", "default").words()
	}
	for _, schema := range v.inside("identity", "schemas").elements() {
		k.Schemas = append(k.Schemas, schema.inside("id").word())
	}
	return k, nil
}

// inside is the value at a path, or nil.
func (v *value) inside(path ...string) *value {
	for _, name := range path {
		if v == nil {
			return nil
		}
		v = v.child(name)
	}
	return v
}

func (v *value) word() string {
	if v == nil || v.kind != scalar {
		return ""
	}
	return v.text
}

func (v *value) elements() []*value {
	if v == nil {
		return nil
	}
	return v.items
}

func (v *value) words() (all []string) {
	for _, item := range v.elements() {
		all = append(all, item.word())
	}
	return all
}
