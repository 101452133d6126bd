package ui

import (
	"html/template"
	"io"
	"strconv"
	"time"
)

// HourCount is how much happened in an hour.
type HourCount struct {
	At      time.Time
	In, Out int64
}

// OverviewPage is the figures of the installation.
type OverviewPage struct {
	Live     int   // live sessions
	LiveMore bool  // there may be more of them
	In       int64 // sign-ins today
	Out      int64 // sign-outs today
	Ended    int64 // sessions that ended otherwise today
	Hours    []HourCount
	Hidden   bool // the key does not open them
}

type figure struct{ Label, Value template.HTML }

// Overview draws the figures.
func (c *Console) Overview(w io.Writer, v Visit, p OverviewPage) error {
	if p.Hidden {
		return c.draw(w, v, "overview", struct {
			Figures []figure
			Chart   chart
		}{})
	}
	live := template.HTML(grouped(int64(p.Live)))
	if p.LiveMore {
		live = c.say("console.figure.more", live)
	}
	counted := func(name string, n int64) figure {
		return figure{c.say("console.figure." + name), template.HTML(grouped(n))}
	}
	return c.draw(w, v, "overview", struct {
		Figures []figure
		Chart   chart
	}{[]figure{{c.say("console.figure.live"), live}, counted("signins", p.In), counted("signouts", p.Out), counted("ends", p.Ended)}, c.chart(p.Hours)})
}

// grouped writes a number with thin spaces between its thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// The measures of the chart, in units of its own.
const (
	chartWidth  = 720
	chartHeight = 220
	chartTop    = 28
	chartGround = 188 // where bars stand
	chartName   = 70  // the widest name of an hour
)

type chart struct {
	Width, Height, Below int
	Lines                []chartLine
	Bars                 []chartBar
	Ticks                []chartTick
	Rows                 []chartRow
	Said                 template.HTML
}

type chartLine struct {
	Y     int
	Label string
}

type chartBar struct {
	Class               string
	X, Y, Width, Height string
}

type chartTick struct {
	X     int
	Label string
}

type chartRow struct {
	At      instant
	In, Out int64
}

func (c *Console) chart(hours []HourCount) chart {
	out := chart{Width: chartWidth, Height: chartHeight, Below: chartGround + 24}
	var in, left, most int64
	for _, h := range hours {
		in, left, most = in+h.In, left+h.Out, max(most, h.In, h.Out)
	}
	top := ceiling(most)
	for i := range int64(3) {
		y := chartGround - int(i)*(chartGround-chartTop)/2
		out.Lines = append(out.Lines, chartLine{y, grouped(top * i / 2)})
	}
	slot := float64(chartWidth) / float64(max(len(hours), 1))
	for i, h := range hours {
		x := float64(i) * slot
		out.bar("in", x+slot*0.12, slot*0.36, h.In, top)
		out.bar("out", x+slot*0.52, slot*0.36, h.Out, top)
		if h.At.Hour()%6 == 0 && x < chartWidth-chartName {
			out.Ticks = append(out.Ticks, chartTick{int(x), h.At.UTC().Format("15:04")})
		}
		out.Rows = append([]chartRow{{at(h.At), h.In, h.Out}}, out.Rows...)
	}
	out.Said = c.say("console.chart.said", map[string]any{"Hours": len(hours), "In": grouped(in), "Out": grouped(left), "Most": grouped(most)})
	return out
}

func (c *chart) bar(class string, x, width float64, n, top int64) {
	if n == 0 {
		return
	}
	height := max(float64(chartGround-chartTop)*float64(n)/float64(top), 1)
	places := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	c.Bars = append(c.Bars, chartBar{class, places(x), places(chartGround - height), places(width), places(height)})
}

// ceiling is a round even number that is not smaller.
func ceiling(n int64) int64 {
	for step := int64(1); ; step *= 10 {
		for _, round := range []int64{2, 4, 6, 8, 10} {
			if round*step >= n {
				return round * step
			}
		}
	}
}
