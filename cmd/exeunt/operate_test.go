package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// TestTailFollowsEventsAcrossALostConnection reads the log as an operator does, while the connection goes away and comes back.
func TestTailFollowsEventsAcrossALostConnection(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.Engines(t)[0].DSN(t), "")
	between := testkit.NewProxy(t, strings.TrimPrefix(in.admin, "http://"))
	create := func(email string) string {
		return in.call("POST", in.admin+"/admin/identities", map[string]any{"traits": map[string]string{"email": email}}).expect(t, 201).text(t, "id")
	}
	create("one@example.org")
	two := create("two@example.org")
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	root := command(w, io.Discard)
	root.SetArgs([]string{"events", "tail", "-f", "-n", "1", "--endpoint", "http://" + between.Addr()})
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	lines := bufio.NewScanner(r)
	next := func(id string) {
		t.Helper()
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), "identity_created  by admin  identity "+id) {
			t.Fatalf("%q %v, want that %s was created", lines.Text(), lines.Err(), id)
		}
	}
	next(two) // the last one that had happened
	next(create("three@example.org"))
	between.Cut()
	four, five := create("four@example.org"), create("five@example.org")
	between.Heal()
	next(four)
	next(five)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestWhatOthersHaveWrittenDoesNotCommandATerminal looks at names of browsers and people that hold escape sequences.
func TestWhatOthersHaveWrittenDoesNotCommandATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"a\x1b]0;title\x07b": "a?]0;title?b", "\u202egpj.exe": "?gpj.exe", "line\nline": "line?line", "Zoë ✓": "Zoë ✓"} {
		if got := plain(text); got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	if got := brief("0123456789", 5); got != "0123…" {
		t.Error(got)
	}
}

// TestAnImportOfManyLinesTellsEachBrokenOne imports more than fits into a request, and lines of every length.
func TestAnImportOfManyLinesTellsEachBrokenOne(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.Engines(t)[0].DSN(t), "")
	file := filepath.Join(t.TempDir(), "people.jsonl")
	var text strings.Builder
	want := ""
	for n := 1; n <= 1200; n++ {
		switch {
		case n == 600:
			text.WriteString(`{"traits":{"email":"` + strings.Repeat("x", maxImportLine) + "\"}}\n")
			want += fmt.Sprintf("line %d: it is longer than 1048576 bytes\n", n)
		case n%97 == 0:
			text.WriteString(fmt.Sprintf(`{"traits":{"email":"p%d@example.org"},"state":"asleep"}`, n) + "\n")
			want += fmt.Sprintf("line %d: The identity state is not valid; it is either active or inactive.\n", n)
		default:
			text.WriteString(fmt.Sprintf(`{"traits":{"email":"p%d@example.org"}}`, n) + "\n")
		}
	}
	if err := os.WriteFile(file, []byte(strings.TrimSuffix(text.String(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes strings.Builder
	root := command(&out, &notes)
	root.SetArgs([]string{"identities", "import", file, "--endpoint", in.admin})
	err := root.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "rows were left out") {
		t.Errorf("%v", err)
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not told", line)
		}
	}
	if !strings.HasSuffix(out.String(), "1200 lines: 1187 imported, 13 not\n") {
		t.Errorf("%s", out.String())
	}

	var listed strings.Builder
	root = command(&listed, &notes)
	root.SetArgs([]string{"identities", "list", "--limit", "0", "--json", "--endpoint", in.admin})
	if err := root.ExecuteContext(t.Context()); err != nil || strings.Count(listed.String(), "\n") != 1187 {
		t.Errorf("%d are listed: %v", strings.Count(listed.String(), "\n"), err)
	}
}

// TestTheKeyGoesNowhereElse has somebody else's server send the command on.
func TestTheKeyGoesNowhereElse(t *testing.T) {
	t.Setenv(keyVariable, "ory_pat_secret")
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	here := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	var out strings.Builder
	root := command(&out, &out)
	root.SetArgs([]string{"sessions", "list", "--endpoint", here.URL})
	err := root.ExecuteContext(t.Context())
	if err == nil || asked || strings.Contains(err.Error()+out.String(), "ory_pat_secret") {
		t.Errorf("%v %v\n%s", err, asked, out.String())
	}
}

// TestAnInterruptedQuestionDoesNothing interrupts the command while it waits for an answer.
func TestAnInterruptedQuestionDoesNothing(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.Engines(t)[0].DSN(t), "")
	p := in.person()
	silent, _ := io.Pipe()
	asked, question := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	root := command(io.Discard, question)
	root.SetIn(silent)
	root.SetArgs([]string{"sessions", "revoke", "--all", "--endpoint", in.admin})
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	if _, err := io.ReadFull(asked, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, asked) }() // the rest of the question
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "nothing was done") {
		t.Errorf("%v", err)
	}
	in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", p.token).expect(t, 200)
	silent.Close()
	question.Close()
}
