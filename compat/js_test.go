package compat

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// The JavaScript SDK is driven by a script, which gets the addresses of a running server.
func TestTheJavaScriptSDK(t *testing.T) {
	onEachServer(t, func(t *testing.T, p *testkit.Process) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "node", "--test", "native.test.mjs")
		cmd.Dir = "js"
		cmd.Env = append(os.Environ(), "EXEUNT_PUBLIC="+p.Public, "EXEUNT_ADMIN="+p.Admin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}
