package password

// CheckImported is the function of the same name, so that a Hasher is all that importing identities needs.
func (*Hasher) CheckImported(hash string) error { return CheckImported(hash) }
