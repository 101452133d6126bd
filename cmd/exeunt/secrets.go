package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"exeunt/internal/config"
)

// secrets returns the keys that the server signs with: those of the configuration, or those that were generated when the
// server first started and kept beside its data.
func secrets(c *config.Config) ([][]byte, error) {
	for _, list := range [][]string{c.Secrets.Cookie, c.Secrets.Default} {
		if len(list) > 0 {
			return keys(list), nil
		}
	}
	if c.DSN == "memory" {
		return keys([]string{rand.Text()}), nil
	}
	kept, err := keptSecrets(filepath.Join(dataFolder(c), "secrets"))
	return keys(kept), err
}

func keys(list []string) [][]byte {
	all := make([][]byte, len(list))
	for i, s := range list {
		all[i] = []byte(s)
	}
	return all
}

// keptSecrets reads the file of secrets, one in each line, the newest first; or makes it.
func keptSecrets(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecrets(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the generated secrets: %w", err)
	}
	list := strings.Fields(string(text))
	if len(list) == 0 {
		return nil, fmt.Errorf("the file of secrets %s is empty; remove it, and a new secret is generated", path)
	}
	return list, nil
}

// makeSecrets generates a secret and keeps it. When another process is faster, its secret is used.
func makeSecrets(path string) ([]string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "secrets-*") // readable by its owner alone
	if err != nil {
		return nil, fmt.Errorf("keeping the generated secret: %w", err)
	}
	defer os.Remove(temporary.Name())
	secret := rand.Text() + rand.Text()
	_, err = temporary.WriteString(secret + "\n")
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, fmt.Errorf("keeping the generated secret: %w", err)
	}
	if err := os.Link(temporary.Name(), path); errors.Is(err, fs.ErrExist) {
		return keptSecrets(path)
	} else if err != nil {
		return nil, fmt.Errorf("keeping the generated secret: %w", err)
	}
	return []string{secret}, nil
}
