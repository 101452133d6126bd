package store

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
)

// packer writes values one after the other; [unpacker] reads them in the same order. Times are written as their distance from
// one of them.
type packer struct {
	words *words
	base  int64
	out   []byte
}

func (p *packer) number(n int64)  { p.out = binary.AppendVarint(p.out, n) }
func (p *packer) id(id uuid.UUID) { p.out = append(p.out, id[:]...) }

func (p *packer) flag(set bool) {
	if set {
		p.out = append(p.out, 1)
		return
	}
	p.out = append(p.out, 0)
}

// time writes a moment, or none as zero.
func (p *packer) time(t time.Time) {
	away := micros(t) - p.base
	switch {
	case t.IsZero():
		away = 0
	case away >= 0:
		away++
	}
	p.number(away)
}

func (p *packer) text(s string) {
	p.number(int64(len(s)))
	p.out = append(p.out, s...)
}

// word writes a text that others have as well.
func (p *packer) word(s string) {
	if n, ok := p.words.number(s); ok {
		p.number(int64(-1 - n))
		return
	}
	p.text(s)
}

// within writes a text that may be a part of another, which is known to the reader.
func (p *packer) within(whole, s string) {
	if at := strings.Index(whole, s); at >= 0 {
		p.number(int64(-1 - at))
		p.number(int64(len(s)))
		return
	}
	p.text(s)
}

// address writes one that was made from traits.
func (p *packer) address(a identity.Address, traits string) {
	p.id(a.ID)
	p.within(traits, a.Value)
	p.word(a.Via)
	p.flag(a.Verified)
	p.word(a.Status)
	p.time(a.VerifiedAt)
	p.time(a.CreatedAt)
	p.time(a.UpdatedAt)
}

// unpacker reads what a packer wrote.
type unpacker struct {
	words *words
	base  int64
	in    string
}

func (p *unpacker) take(n int) (taken string) {
	taken, p.in = p.in[:n], p.in[n:]
	return taken
}

func (p *unpacker) number() int64 {
	var u uint64
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		b := p.in[i]
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			p.in = p.in[i+1:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
}

func (p *unpacker) id() (id uuid.UUID) {
	copy(id[:], p.take(len(id)))
	return id
}

func (p *unpacker) flag() bool { return p.take(1) == "\x01" }

func (p *unpacker) time() time.Time {
	switch away := p.number(); {
	case away == 0:
		return time.Time{}
	case away > 0:
		return moment(p.base + away - 1)
	default:
		return moment(p.base + away)
	}
}

func (p *unpacker) wideTime() time.Time {
	return moment(int64(binary.LittleEndian.Uint64([]byte(p.take(8)))))
}

func (p *unpacker) text() string { return p.take(int(p.number())) }

func (p *unpacker) word() string {
	n := p.number()
	if n < 0 {
		return p.words.word(int(-1 - n))
	}
	return p.take(int(n))
}

func (p *unpacker) within(whole string) string {
	n := p.number()
	if n < 0 {
		at := -1 - n
		return whole[at : at+p.number()]
	}
	return p.take(int(n))
}

// document reads one that may be missing.
func (p *unpacker) document() (document []byte, text string) {
	present, text := p.flag(), p.text()
	if !present {
		return nil, ""
	}
	return []byte(text), text
}

func (p *unpacker) addresses(traits string, into []identity.Address) []identity.Address {
	n := p.number()
	if n == 0 {
		return nil
	}
	for range n {
		into = append(into, identity.Address{ID: p.id(), Value: p.within(traits), Via: p.word(), Verified: p.flag(), Status: p.word(),
			VerifiedAt: p.time(), CreatedAt: p.time(), UpdatedAt: p.time()})
	}
	return into
}
