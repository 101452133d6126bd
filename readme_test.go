package exeunt

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// block is a fenced block of a Markdown text.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func blocks(markdown string) (all []block) {
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

const separator = "--- next block ---"

func TestTheCommandsOfTheReadmeWorkAsPrinted(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	var expected []string
	for _, b := range blocks(string(text)) {
		if b.language == "sh" {
			script.WriteString(b.text + "echo; echo '" + separator + "'\n")
			expected = append(expected, "")
			continue
		}
		expected[len(expected)-1] = b.text
	}
	p := testkit.Start(t, t.TempDir(), "serve: {public: {port: 0}, admin: {port: 0}}\n")
	commands := strings.NewReplacer("http://127.0.0.1:4433", p.Public, "http://127.0.0.1:4434", p.Admin).Replace(script.String())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	printed := strings.Split(string(out), separator)
	for i, want := range expected {
		if !matches(want, printed[i]) {
			t.Errorf("block %d prints\n%s\nbut the README says\n%s", i+1, printed[i], want)
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
}

// matches compares lines; … stands for any text within one.
func matches(want, got string) bool {
	pattern := regexp.QuoteMeta(strings.TrimSpace(want))
	pattern = "^" + strings.ReplaceAll(pattern, "…", ".*") + "$"
	return regexp.MustCompile(pattern).MatchString(strings.TrimSpace(got))
}
