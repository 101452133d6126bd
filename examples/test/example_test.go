package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

const (
	root     = "../.."
	usual    = "http://127.0.0.1:3000" // the origin of every example in the README
	patience = time.Minute             // for whatever must happen at once on an idle machine
)

// example is a row of the README's table.
type example struct{ install, run string }

var readme = sync.OnceValue(func() string {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		panic(err)
	}
	return string(text)
})

var row = regexp.MustCompile("(?m)^\\| \\[(\\w+)\\]\\(\\S+\\) \\|[^|]*\\| (?:`([^|]*)` )?\\| `([^|]*)` \\|$")

// examples are the README's, by name.
var examples = sync.OnceValue(func() map[string]example {
	all := map[string]example{}
	for _, m := range row.FindAllStringSubmatch(readme(), -1) {
		all[m[1]] = example{m[2], m[3]}
	}
	return all
})

func TestTheReadmeListsEveryExample(t *testing.T) {
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	listed := len(examples())
	for _, f := range folders {
		if !f.IsDir() || f.Name() == "test" {
			continue
		}
		if _, ok := examples()[f.Name()]; !ok {
			t.Errorf("the README's table has no row for %s", f.Name())
		}
		listed--
	}
	if listed != 0 {
		t.Errorf("the README lists %d examples that are not there", listed)
	}
}

var setting = regexp.MustCompile(`\b([A-Z_]+)=(\S+)`)

// serverFor starts the server with the settings that the README names, for an example at an origin.
func serverFor(t *testing.T, engine testkit.Engine, origin string) *testkit.Process {
	t.Helper()
	command, _, ok := strings.Cut(readme(), " make run\n```")
	if !ok {
		t.Fatal("the README does not say how to start the server")
	}
	for _, m := range setting.FindAllStringSubmatch(command, -1) {
		t.Setenv(m[1], strings.ReplaceAll(m[2], usual, origin))
	}
	return testkit.Start(t, t.TempDir(), fmt.Sprintf("dsn: %q\n%s", engine.DSN(t), testkit.Quick))
}

// onEachEngine runs a test against a server on every engine, with the origin that an example is to have there.
func onEachEngine(t *testing.T, name string, test func(t *testing.T, e example, p *testkit.Process, origin string)) {
	e, ok := examples()[name]
	if !ok {
		t.Fatalf("the README's table has no row for %s", name)
	}
	if e.install != "" {
		if out, err := command(t.Context(), e.install, "").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", e.install, err, out)
		}
	}
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			origin := "http://127.0.0.1:" + freePort(t)
			p := serverFor(t, engine, origin)
			test(t, e, p, origin)
			if err := p.Stop(); err != nil {
				t.Errorf("the server did not end well: %v", err)
			}
		})
	}
}

// command is a line of the README, in the project's folder. What it starts is in a process group of its own.
func command(ctx context.Context, line, address string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), append(env, "ORY_SDK_URL="+address)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

var ready = regexp.MustCompile(`^listening on |Ready in|^open `) // Next.js and the tunnel have words of their own

// start runs an example and waits until it says that it listens. It is killed when the test ends.
func start(t *testing.T, e example, p *testkit.Process, origin string) {
	t.Helper()
	run(t, e.run, p.Public, "PORT="+origin[strings.LastIndex(origin, ":")+1:])
}

// run runs a line of the README until the test ends, and waits until it says that it listens.
func run(t *testing.T, line, address string, env ...string) {
	t.Helper()
	cmd := command(context.Background(), line, address, env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var said bytes.Buffer // read when over is closed
	listening, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		lines := bufio.NewScanner(io.TeeReader(r, &said))
		for heard := false; lines.Scan(); {
			if !heard && ready.MatchString(strings.TrimSpace(lines.Text())) {
				heard = true
				close(listening)
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		<-over
		r.Close()
		if t.Failed() {
			t.Logf("the example said:\n%s", said.String())
		}
	})
	select {
	case <-listening:
	case <-over:
		t.Fatalf("%s ended", line)
	case <-time.After(patience):
		t.Fatalf("%s does not listen", line)
	}
}

// freePort is a port on which nobody listens, below those that outgoing connections get.
func freePort(t *testing.T) string {
	t.Helper()
	for range 50 {
		port := fmt.Sprint(20000 + rand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
