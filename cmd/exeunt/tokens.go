package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"exeunt/internal/config"
	"exeunt/internal/token"
)

// loadTokens reads the keys and the mappers of all templates of tokens.
func loadTokens(ctx context.Context, c *config.Config, log *slog.Logger) (*token.Tokenizer, error) {
	var all []token.Template
	for _, name := range slices.Sorted(maps.Keys(c.Session.Templates)) {
		one, err := loadTemplate(ctx, name, c.Session.Templates[name])
		if err != nil {
			return nil, fmt.Errorf("session.whoami.tokenizer.templates.%s.%w", name, err)
		}
		all = append(all, one)
	}
	made, err := token.New(c.Serve.Public.BaseURL, all, log)
	if err != nil {
		return nil, fmt.Errorf("session.whoami.tokenizer.templates: %w", err)
	}
	return made, nil
}

// loadTemplate reads one template. A key file is only named, as it is looked at again while the server runs.
func loadTemplate(ctx context.Context, name string, c config.Template) (token.Template, error) {
	t := token.Template{Name: name, TTL: c.TTL, ExternalID: c.Subject == "external_id"}
	var err error
	if path, ok := strings.CutPrefix(c.KeysURL, "file://"); ok {
		t.KeysFile, err = url.PathUnescape(path)
	} else {
		t.Keys, err = readSource(ctx, c.KeysURL)
	}
	if err != nil {
		return t, fmt.Errorf("jwks_url: %w", err)
	}
	if c.MapperURL == "" {
		return t, nil
	}
	source, err := readSource(ctx, c.MapperURL)
	if err != nil {
		return t, fmt.Errorf("claims_mapper_url: %w", err)
	}
	t.Mapper = cmp.Or(string(source), " ") // an empty mapper is one that returns nothing
	return t, nil
}
