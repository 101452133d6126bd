package identity

import _ "embed"

// DefaultSchema describes a person with an e-mail address and a name. It is used when no schema is configured.
//
//go:embed default.schema.json
var DefaultSchema []byte
