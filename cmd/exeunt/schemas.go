package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"exeunt/internal/config"
	"exeunt/internal/identity"
)

// loadSchemas reads and compiles the identity schemas.
func loadSchemas(ctx context.Context, c *config.Config) (*identity.Schemas, error) {
	if len(c.Identity.Schemas) == 0 {
		s, err := identity.CompileSchema("default", identity.DefaultSchema)
		if err != nil {
			return nil, err
		}
		return identity.NewSchemas("default", s)
	}
	var all []*identity.Schema
	for _, entry := range c.Identity.Schemas {
		raw, err := readSource(ctx, entry.URL)
		if err != nil {
			return nil, fmt.Errorf("identity.schemas %q: %w", entry.ID, err)
		}
		s, err := identity.CompileSchema(entry.ID, raw)
		if err != nil {
			return nil, fmt.Errorf("identity.schemas: %w", err)
		}
		s.Selectable = entry.SelfServiceSelectable
		all = append(all, s)
	}
	return identity.NewSchemas(c.Identity.DefaultSchemaID, all...)
}

const (
	maxSource     = 1 << 20 // bytes
	sourceTimeout = 10 * time.Second
)

// readSource fetches a schema or a picture from where its address says: a file, the address itself, or a web server.
func readSource(ctx context.Context, address string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	switch scheme {
	case "base64":
		return base64.StdEncoding.DecodeString(rest)
	case "file":
		path, err := url.PathUnescape(rest)
		if err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	}
	return fetchSource(ctx, address)
}

func fetchSource(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxSource))
}
