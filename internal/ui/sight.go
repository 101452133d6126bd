package ui

import (
	"html/template"
	"regexp"
	"strings"
	"time"

	"exeunt/internal/wire"
)

// sight is what a form shows besides its inputs, of a kind: a picture, a key to type elsewhere, or a list of codes. The
// kind is "" for an input.
type sight struct {
	Kind          string
	Src           template.URL
	Width, Height int
	Key           string // in groups of four
	Codes         []code
}

// code is a recovery code, in groups of four. One that was used is told by when.
type code struct {
	Text string
	Used *moment
}

// The kinds of sights. The first is also the class of its element.
const (
	picture  = "picture"
	typedKey = "key"
	codeList = "codes"
)

// png is the one kind of picture that a form may bring along.
var png = regexp.MustCompile(`^data:image/png;base64,[A-Za-z0-9+/=]+$`)

func (p *Pages) sight(a wire.Attributes) sight {
	switch {
	case a.Image != nil && png.MatchString(a.Image.Src):
		return sight{Kind: picture, Src: template.URL(a.Image.Src), Width: a.Image.Width, Height: a.Image.Height}
	case a.Image != nil:
		return sight{Kind: picture}
	case a.Text == nil:
		return sight{}
	}
	if all, ok := a.Text.Context["secrets"].([]map[string]any); ok {
		return sight{Kind: codeList, Codes: p.codes(all)}
	}
	return sight{Kind: typedKey, Key: inFours(a.Text.Text)}
}

func (p *Pages) codes(all []map[string]any) []code {
	codes := make([]code, len(all))
	for i, m := range all {
		context, _ := m["context"].(map[string]any)
		secret, _ := context["secret"].(string)
		codes[i].Text = inFours(secret)
		if at, ok := context["used_at"].(time.Time); ok {
			used := p.moment(at)
			codes[i].Used = &used
		}
	}
	return codes
}

// inFours makes a text easier to copy by hand. Whoever reads it back takes no notice of the spaces.
func inFours(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
