package ui

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var colour = regexp.MustCompile(`(--[a-z-]+): #([0-9a-f]{6});`)

// TestColoursCanBeToldApart computes the contrast ratios of WCAG 2 for what stands on what: 4.5 for text, 3 for the
// edges of inputs and for the focus.
func TestColoursCanBeToldApart(t *testing.T) {
	for _, file := range []string{"style.css", "console.css"} {
		t.Run(file, func(t *testing.T) { tellsColoursApart(t, file) })
	}
}

func tellsColoursApart(t *testing.T, file string) {
	css, err := assetFiles.ReadFile("assets/" + file)
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there are no dark colours")
	}
	dark, _, _ = strings.Cut(dark, "@media print")
	colours := map[string]float64{}
	for _, scheme := range []string{light, dark} {
		for _, m := range colour.FindAllStringSubmatch(scheme, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, pair := range []struct {
			front, ground string
			least         float64
		}{
			{"--ink", "--card", 4.5}, {"--quiet", "--card", 4.5}, {"--link", "--card", 4.5}, {"--bad", "--card", 4.5}, {"--good", "--card", 4.5},
			{"--ink", "--note-ground", 4.5}, {"--quiet", "--note-ground", 4.5}, {"--link", "--note-ground", 4.5}, {"--bad", "--bad-ground", 4.5}, {"--good", "--good-ground", 4.5},
			{"--on-accent", "--accent", 4.5}, {"--on-accent", "--accent-over", 4.5},
			{"--line", "--card", 3}, {"--focus", "--card", 3}, {"--bad", "--card", 3},
			{"--ink", "--ground", 4.5}, {"--quiet", "--ground", 4.5}, {"--link", "--ground", 4.5}, {"--warn", "--warn-ground", 4.5}, {"--focus", "--ground", 3}, {"--bar-in", "--card", 3}, {"--bar-out", "--card", 3},
		} {
			a, isA := colours[pair.front]
			b, isB := colours[pair.ground]
			if !isA || !isB {
				continue // the colours of the other file
			}
			if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < pair.least {
				t.Errorf("%s on %s has %.2f, and needs %.1f", pair.front, pair.ground, ratio, pair.least)
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
