package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// chart draws the ratios to the floors as bars, with a mark at what is to be reached. Colours follow the reader's theme.
func chart(results []result) []byte {
	const left, width, step = 230, 420, 24
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<style>text{fill:#333}.ours{fill:#3b6ea5}.floor{stroke:#888;stroke-dasharray:3}.goal{stroke:#c0392b;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>
<text x="%d" y="16">ours / floor</text>
`, left+width+70, 40+step*len(results), left)
	scale := func(ratio float64) float64 { return min(ratio, 1.5) * width / 1.5 }
	for i, r := range results {
		y := 30 + step*i
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">`, left-8, y+13)
		_ = xml.EscapeText(&b, []byte(r.Path+" · "+r.Store)) // a buffer takes everything
		fmt.Fprintf(&b, `</text><rect class="ours" x="%d" y="%d" width="%.0f" height="16"/><text x="%.0f" y="%d">%.2f</text>`,
			left, y, scale(r.Ratio), left+scale(r.Ratio)+6, y+13, r.Ratio)
		if r.Goal > 0 {
			at := left + scale(r.Goal)
			fmt.Fprintf(&b, `<line class="goal" x1="%.0f" x2="%.0f" y1="%d" y2="%d"/>`, at, at, y-2, y+18)
		}
		b.WriteString("\n")
	}
	at := left + scale(1)
	fmt.Fprintf(&b, `<line class="floor" x1="%.0f" x2="%.0f" y1="24" y2="%d"/></svg>`+"\n", at, at, 30+step*len(results))
	return b.Bytes()
}
