package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// Asset is a file that pages refer to.
type Asset struct {
	Type    string // media type
	Content []byte
}

// assets are the files by name, and the names by use. A name holds a hash of the content, so a browser may keep the
// file for ever.
type assets struct {
	files                     map[string]Asset
	style, script, icon, logo string
}

// pageAssets and consoleAssets are the names of a style, a script and an icon.
var (
	pageAssets    = [3]string{"style.css", "session.js", "icon.svg"}
	consoleAssets = [3]string{"console.css", "console.js", "icon.svg"}
)

func newAssets(names [3]string, logo *Asset) (assets, error) {
	a := assets{files: map[string]Asset{}}
	for _, file := range []struct {
		name, mediaType string
		use             *string
	}{
		{names[0], "text/css; charset=utf-8", &a.style},
		{names[1], "text/javascript; charset=utf-8", &a.script},
		{names[2], "image/svg+xml", &a.icon},
	} {
		content, err := assetFiles.ReadFile("assets/" + file.name)
		if err != nil {
			return a, err
		}
		*file.use = a.add(file.name, Asset{file.mediaType, content})
	}
	if logo != nil {
		a.logo = a.add("logo", *logo)
	}
	return a, nil
}

func (a assets) add(name string, file Asset) string {
	sum := sha256.Sum256(file.Content)
	ext := path.Ext(name)
	name = strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
	a.files[name] = file
	return name
}

// Asset returns the file that pages call by this name, under ui/assets/ of the base.
func (p *Pages) Asset(name string) (Asset, bool) {
	a, ok := p.assets.files[name]
	return a, ok
}

func (p *Pages) address(asset string) string { return p.base + p.folder + asset }
