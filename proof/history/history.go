// Package history is the record of a run of the proof: what was asked of the servers and what they answered, which faults
// they met, and what was seen when it was over. It is kept as lines of JSON, so that a run can be examined again.
package history

// Entry is one line of a history; one of its parts is set. Operations stand in the order in which they were over, and what
// was seen at the end comes last.
type Entry struct {
	Run    *Run    `json:"run,omitempty"`
	Op     *Op     `json:"op,omitempty"`
	Fault  *Fault  `json:"fault,omitempty"`
	Row    *Row    `json:"row,omitempty"`
	Event  *Event  `json:"event,omitempty"`
	Search *Search `json:"search,omitempty"`
}

// Run says what was run, and what is promised there.
type Run struct {
	Setup    string   `json:"setup"`
	Seed     uint64   `json:"seed"`
	Limit    int      `json:"limit,omitempty"`    // live sessions of one person; zero for no bound
	Stepped  bool     `json:"stepped,omitempty"`  // the servers' clocks were set, so their times cannot be compared with ours
	Failover bool     `json:"failover,omitempty"` // a standby took over: what was never answered may be undone by that
	Places   []string `json:"places"`             // how the addresses begin that a browser may be sent to
}

// Kind is what an operation does.
type Kind string

// The kinds.
const (
	SignIn       Kind = "sign in"
	Whoami       Kind = "whoami"
	List         Kind = "list"
	Extend       Kind = "extend"
	Refresh      Kind = "refresh"
	LogoutNative Kind = "logout, native"
	LogoutLink   Kind = "logout, link"   // a browser follows the address with the logout token
	LogoutScript Kind = "logout, script" // a script asks for it
	LogoutForm   Kind = "logout, form"   // a form is posted
	LogoutBegin  Kind = "begin a logout"
	Revoke       Kind = "revoke one"
	RevokeOthers Kind = "revoke others"
	Password     Kind = "change the password"
	AdminEnd     Kind = "admin ends a session"
	AdminEndOf   Kind = "admin ends an identity's sessions"
	AdminBulk    Kind = "admin ends many"
	Disable      Kind = "disable"
	Enable       Kind = "enable"
	Delete       Kind = "delete"
	Create       Kind = "create"
)

// Elsewhere is the way of a check at another node than the one that has just answered a sign-out.
const Elsewhere = "elsewhere"

// Op is one operation. Times are Unix microseconds of one clock, that of whoever asks.
type Op struct {
	N        int      `json:"n"`
	Kind     Kind     `json:"kind"`
	Way      string   `json:"way,omitempty"` // how the credential travelled, or what was asked of many
	Begin    int64    `json:"begin"`
	End      int64    `json:"end"`
	Node     int      `json:"node"`
	Status   int      `json:"status,omitempty"` // zero: no answer came, and it may have happened, or happen later
	Person   string   `json:"person,omitempty"` // the identity that acts, or that is acted on
	Session  string   `json:"session,omitempty"`
	Token    int      `json:"token,omitempty"` // which credential was sent; each has a number
	Named    []string `json:"named,omitempty"` // the sessions that the request names
	Whose    []string `json:"whose,omitempty"` // the identities that it names
	Hostile  string   `json:"hostile,omitempty"`
	NewID    string   `json:"new_session,omitempty"`
	NewToken int      `json:"new_token,omitempty"`
	Shown    []string `json:"shown,omitempty"`    // the sessions that the answer shows
	Shows    string   `json:"identity,omitempty"` // the identity that it shows
	Expires  int64    `json:"expires,omitempty"`  // until when the session lives, it says
	Location string   `json:"location,omitempty"` // where it sends a browser
	Error    string   `json:"error,omitempty"`    // the id of the failure
	Fields   string   `json:"fields,omitempty"`   // the names in its JSON
	Leaks    bool     `json:"leaks,omitempty"`    // a failure repeats a secret of the request
}

// Fault is something that was done to the servers.
type Fault struct {
	Kind  string `json:"kind"`
	Begin int64  `json:"begin"`
	End   int64  `json:"end"` // when everything worked again
}

// Row is a session as the admin API shows it at the end.
type Row struct {
	Session string `json:"session"`
	Person  string `json:"person"`
	Active  bool   `json:"active"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	EndedAt int64  `json:"ended_at,omitempty"`
	Reason  string `json:"reason,omitempty"`
	By      string `json:"by,omitempty"`
	SeenAt  int64  `json:"seen_at"` // when this was asked
}

// Event is one entry of the servers' own record.
type Event struct {
	Kind    string `json:"kind"`
	At      int64  `json:"at"`
	Session string `json:"session,omitempty"`
	Person  string `json:"person,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Actor   string `json:"actor,omitempty"`
}

// Search says what was found when everything at rest was searched for the secrets that were handed out.
type Search struct {
	Where   string   `json:"where"`
	Bytes   int64    `json:"bytes"`
	Secrets int      `json:"secrets"` // how many were looked for
	Found   []string `json:"found,omitempty"`
}
