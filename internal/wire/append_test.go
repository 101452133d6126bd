package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// FuzzAppendSession makes sessions of what it is given, and compares with what encoding/json makes of the same.
func FuzzAppendSession(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), "ada@example.org", `{"email":"ada@example.org"}`, "Mozilla/5.0", int64(1_700_000_000_000_001), uint8(0xff))
	f.Add([]byte{}, "<é\u2028\x00\xff\"\\", `{ "a" : [1, "x y", "\" <&>"], "b":"\u00e9é`+"\u2028"+`" }`, "\x7f\t", int64(0), uint8(0))
	f.Add([]byte{1}, "", `{"a":"\\","b": 1}`, "a b", int64(1), uint8(0x55))
	v := View{Base: "https://id.example.org/a&b/"}
	f.Fuzz(func(t *testing.T, id []byte, text, document, agent string, us int64, bits uint8) {
		s := madeOf(id, text, document, agent, us, bits)
		now := time.UnixMicro(us - int64(bits)).UTC()
		want, err := Marshal(v.FromSession(s, now, Expand{Identity: true, Devices: true}))
		if err != nil {
			return // nothing that is stored
		}
		if got := v.AppendSession([]byte("before "), s, now); string(got) != "before "+string(want) {
			t.Errorf("\n got %s\nwant before %s", got, want)
		}
	})
}

func madeOf(id []byte, text, document, agent string, us int64, bits uint8) *session.Session {
	var u uuid.UUID
	copy(u[:], id)
	bit := func(n int) bool { return bits>>n&1 == 1 }
	at := time.UnixMicro(us % (1 << 51)).UTC()
	s := &session.Session{ID: session.ID(u), IdentityID: identity.ID(u), CreatedAt: at, IssuedAt: at, AuthenticatedAt: at, ExpiresAt: at.Add(time.Hour), AAL: identity.AAL(bits & 1)}
	if bit(1) {
		s.LastSeenAt = at.Add(time.Millisecond)
		s.Methods = []session.MethodUse{{Method: text, AAL: identity.AAL1, CompletedAt: at}, {Method: agent, CompletedAt: at}}
		s.Devices = []session.Device{{ID: u, IP: text, UserAgent: agent}, {Location: text}}
	}
	if bit(2) {
		return s
	}
	s.Identity = &identity.Identity{ID: s.IdentityID, SchemaID: text, State: identity.Active, Traits: json.RawMessage(document), CreatedAt: at, UpdatedAt: at}
	if bit(3) {
		s.Identity.Traits = nil
	}
	if bit(4) {
		s.Identity.ExternalID, s.Identity.OrganizationID, s.Identity.MetadataPublic, s.Identity.StateChangedAt = text, agent, json.RawMessage(document), at
		s.Identity.Verifiable = []identity.Address{{ID: u, Value: text, Via: agent, Verified: bit(5), Status: text, VerifiedAt: at, CreatedAt: at, UpdatedAt: at}, {Value: agent}}
		s.Identity.Recovery = []identity.Address{{ID: u, Value: text, Via: agent, CreatedAt: at, UpdatedAt: at}, {}}
	}
	return s
}
