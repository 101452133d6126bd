package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// buildOtherwise builds the server with other texts in place of some sources, which themselves stay as they are.
func buildOtherwise(ctx context.Context, dir string, texts map[string]string) (binary string, err error) {
	root, err := projectRoot()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for source, text := range texts {
		file := filepath.Join(dir, fmt.Sprintf("otherwise%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[source] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "exeunt")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", binary, "./cmd/exeunt")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server otherwise: %w\n%s", err, out)
	}
	return binary, nil
}
