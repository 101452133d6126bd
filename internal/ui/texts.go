package ui

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed texts/en.json
var textsFile []byte

//go:embed texts/console.en.json
var consoleTexts []byte

// texts are all sentences of the pages, by a key that names their place. Each is a template of its own, so that a
// language may order, count and emphasise as it needs to. They are read when the first is said.
type texts struct {
	sources map[string]string
	all     func() (*template.Template, error)
}

// readTexts also checks the texts that no template names, because code does.
func readTexts(files ...[]byte) (*texts, error) {
	sources := map[string]string{}
	for _, file := range files {
		if err := json.Unmarshal(file, &sources); err != nil {
			return nil, fmt.Errorf("reading the texts: %w", err)
		}
	}
	t := &texts{sources, sync.OnceValues(func() (*template.Template, error) { return parseTexts(sources) })}
	for _, key := range keysOfCode() {
		if !t.has(key) {
			return nil, fmt.Errorf("the text %s does not exist", key)
		}
	}
	return t, nil
}

func parseTexts(sources map[string]string) (*template.Template, error) {
	all := template.New("").Option("missingkey=error")
	for key, source := range sources {
		if _, err := all.New(key).Parse(source); err != nil {
			return nil, fmt.Errorf("text %s: %w", key, err)
		}
	}
	return all, nil
}

// keysOfCode are the keys that are asked for outside of templates.
func keysOfCode() []string {
	keys := []string{"time", "settings.newpassword"}
	for m := time.January; m <= time.December; m++ {
		keys = append(keys, monthKey(m))
	}
	return keys
}

func monthKey(m time.Month) string { return "month." + strconv.Itoa(int(m)) }

var saying = regexp.MustCompile(`\btext "([^"]+)"`)

// keysIn lists the texts that a template names.
func keysIn(source []byte) (keys []string) {
	for _, m := range saying.FindAllSubmatch(source, -1) {
		keys = append(keys, string(m[1]))
	}
	return keys
}

func (t *texts) has(key string) bool {
	_, ok := t.sources[key]
	return ok
}

// say fills in a text. What it is given is escaped; what the file holds is trusted.
func (t *texts) say(key string, about ...any) (template.HTML, error) {
	var data any
	if len(about) > 0 {
		data = about[0]
	}
	all, err := t.all()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = all.ExecuteTemplate(&b, key, data)
	return template.HTML(b.String()), err
}

// own is the text of the first of some keys that exists, or else what others said. A text that asks for more than the
// context holds does not exist either.
func (t *texts) own(keys []string, context map[string]any, others string) template.HTML {
	for _, key := range keys {
		if !t.has(key) {
			continue
		}
		if said, err := t.say(key, context); err == nil {
			return said
		}
	}
	return template.HTML(template.HTMLEscapeString(others))
}

// ending is what the pages say of one reason why a session has ended.
type ending struct {
	Reason string
	Said   template.HTML
}

// endingKey is where the texts about the end of a session are, by its reason.
const endingKey = "message.1100003."

func (t *texts) endings() (all []ending) {
	for key := range t.sources {
		if reason, ok := strings.CutPrefix(key, endingKey); ok {
			all = append(all, ending{reason, t.own([]string{key}, nil, "")})
		}
	}
	slices.SortFunc(all, func(a, b ending) int { return strings.Compare(a.Reason, b.Reason) })
	return all
}

// moment is a time to be shown.
type moment struct {
	Machine string // RFC 3339
	Human   template.HTML
}

func (p *Pages) moment(at time.Time) moment {
	at = at.UTC()
	month, _ := p.texts.say(monthKey(at.Month())) // these two exist, New has made sure
	human, _ := p.texts.say("time", map[string]any{"Day": at.Day(), "Month": month, "Year": at.Year(), "Clock": at.Format("15:04")})
	return moment{at.Format(time.RFC3339), human}
}
