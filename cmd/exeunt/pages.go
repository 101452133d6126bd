package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"exeunt/internal/config"
	"exeunt/internal/ui"
)

// builtIn makes the built-in pages.
func builtIn(ctx context.Context, c *config.Config) (*ui.Pages, error) {
	logo, err := picture(ctx, c.UI.Logo)
	if err != nil {
		return nil, fmt.Errorf("ui.logo: %w", err)
	}
	return ui.New(ui.Options{Base: c.Serve.Public.BaseURL, Product: c.UI.ProductName, Logo: logo})
}

// builtInConsole makes the pages of the console, under the path of the admin API as browsers see it.
func builtInConsole(c *config.Config) (*ui.Console, error) {
	base, err := url.Parse(c.Serve.Admin.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("serve.admin.base_url: %w", err)
	}
	return ui.NewConsole(ui.ConsoleOptions{Path: strings.TrimSuffix(base.Path, "/") + "/console/", Product: c.UI.ProductName})
}

const maxPicture = 512 << 10 // bytes

var errPicture = errors.New("this is no picture that browsers show everywhere; take an SVG, PNG or WebP file of at most 512KiB")

// picture reads a picture, or nothing from no address.
func picture(ctx context.Context, address string) (*ui.Asset, error) {
	if address == "" {
		return nil, nil
	}
	b, err := readSource(ctx, address)
	if err != nil {
		return nil, err
	}
	kind := http.DetectContentType(b)
	if bytes.Contains(b[:min(len(b), 1024)], []byte("<svg")) {
		kind = "image/svg+xml"
	}
	if len(b) > maxPicture || kind != "image/svg+xml" && kind != "image/png" && kind != "image/webp" {
		return nil, errPicture
	}
	return &ui.Asset{Type: kind, Content: b}, nil
}
