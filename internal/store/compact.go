package store

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// compact writes sessions and identities in as few bytes as can be read quickly. What it wrote is read by the same process
// alone, so it need not last, nor be checked.
type compact struct{ words *words }

// A session begins with what changes while it is used, in a place and width of its own.
const (
	expiresAt  = 0
	lastSeenAt = 8
	usedWidth  = 16
)

// session writes a live session, found by its present token, without its identity.
func (c compact) session(s *session.Session) []byte {
	p := packer{words: c.words, base: micros(s.CreatedAt), out: make([]byte, usedWidth, 160)}
	binary.LittleEndian.PutUint64(p.out[expiresAt:], uint64(micros(s.ExpiresAt)))
	binary.LittleEndian.PutUint64(p.out[lastSeenAt:], uint64(micros(s.LastSeenAt)))
	p.id(uuid.UUID(s.ID))
	p.id(uuid.UUID(s.IdentityID))
	p.number(p.base)
	for _, t := range []time.Time{s.IssuedAt, s.AuthenticatedAt, s.DeadlineAt, s.ExtendedAt} {
		p.time(t)
	}
	p.flag(s.Remembered)
	p.number(s.Rotation)
	p.number(int64(s.AAL))
	p.number(int64(len(s.Methods)))
	for _, m := range s.Methods {
		p.word(m.Method)
		p.number(int64(m.AAL))
		p.time(m.CompletedAt)
	}
	p.number(int64(len(s.Devices)))
	for _, d := range s.Devices {
		p.id(d.ID)
		p.text(d.IP)
		p.word(d.UserAgent)
		p.word(d.Location)
	}
	return p.out
}

// identity writes an identity without its id and credentials.
func (c compact) identity(i *identity.Identity) []byte {
	p := packer{words: c.words, base: micros(i.CreatedAt), out: make([]byte, 0, 256+len(i.Traits))}
	p.number(p.base)
	p.time(i.UpdatedAt)
	p.time(i.StateChangedAt)
	p.text(i.ExternalID)
	p.word(i.SchemaID)
	p.word(string(i.State))
	p.word(i.OrganizationID)
	p.number(int64(i.AvailableAAL))
	for _, document := range [][]byte{i.Traits, i.MetadataPublic, i.MetadataAdmin} {
		p.flag(document != nil)
		p.text(string(document))
	}
	for _, list := range [][]identity.Address{i.Verifiable, i.Recovery} {
		p.number(int64(len(list)))
		for _, a := range list {
			p.address(a, string(i.Traits))
		}
	}
	return p.out
}

// unpacked is all that one session usually takes, in one piece. Go puts eight bytes before what is as large, and with them the
// session begins a line of memory.
type unpacked struct {
	_         [56]byte
	session   session.Session
	identity  identity.Identity
	methods   [2]session.MethodUse
	devices   [1]session.Device
	addresses [2]identity.Address
}

// identityOf is whose session a compact one is.
func (compact) identityOf(packed string) identity.ID {
	return identity.ID([]byte(packed[usedWidth+16 : usedWidth+32]))
}

// used notes in a compact session that it was used.
func (compact) used(packed []byte, seen, expires int64) {
	binary.LittleEndian.PutUint64(packed[expiresAt:], uint64(expires))
	binary.LittleEndian.PutUint64(packed[lastSeenAt:], uint64(seen))
}

// read puts a session together with its identity.
func (c compact) read(packed, owner string) *session.Session {
	u := &unpacked{}
	c.readSession(u, packed)
	c.readIdentity(u, owner)
	return &u.session
}

func (c compact) readSession(u *unpacked, packed string) {
	p := unpacker{words: c.words, in: packed}
	s := &u.session
	s.ExpiresAt, s.LastSeenAt = p.wideTime(), p.wideTime()
	s.ID, s.IdentityID = session.ID(p.id()), identity.ID(p.id())
	p.base = p.number()
	s.CreatedAt = moment(p.base)
	s.IssuedAt, s.AuthenticatedAt, s.DeadlineAt, s.ExtendedAt = p.time(), p.time(), p.time(), p.time()
	s.Remembered, s.Rotation, s.AAL = p.flag(), p.number(), identity.AAL(p.number())
	s.Methods = u.methods[:0]
	for range p.number() {
		s.Methods = append(s.Methods, session.MethodUse{Method: p.word(), AAL: identity.AAL(p.number()), CompletedAt: p.time()})
	}
	s.Devices = u.devices[:0]
	for range p.number() {
		s.Devices = append(s.Devices, session.Device{ID: p.id(), IP: p.text(), UserAgent: p.word(), Location: p.word()})
	}
	s.Identity = &u.identity
}

func (c compact) readIdentity(u *unpacked, packed string) {
	p := unpacker{words: c.words, in: packed}
	i := &u.identity
	i.ID = u.session.IdentityID
	p.base = p.number()
	i.CreatedAt, i.UpdatedAt, i.StateChangedAt = moment(p.base), p.time(), p.time()
	i.ExternalID, i.SchemaID, i.State, i.OrganizationID = p.text(), p.word(), identity.State(p.word()), p.word()
	i.AvailableAAL = identity.AAL(p.number())
	var traits string
	i.Traits, traits = p.document()
	i.MetadataPublic, _ = p.document()
	i.MetadataAdmin, _ = p.document()
	i.Verifiable = p.addresses(traits, u.addresses[0:0:1])
	i.Recovery = p.addresses(traits, u.addresses[1:1:2])
}
