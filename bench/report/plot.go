package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"
)

// dotPlot is a picture of values on a logarithmic scale: groups below each
// other, and in each a line for each of a few series. A line has one dot, or a
// full and a hollow one with a bar between them. The value stands beside it,
// and series differ in shape as well as in colour.
type dotPlot struct {
	title, unit string
	legend      string   // what the series' names are
	series      []string // at most as many as there are shapes
	spans       string   // what the bar spans; empty where lines have one dot
	groups      []dotGroup
}

type dotGroup struct {
	name  string
	lines [][]float64 // one of each series, of one value or two; none where it is missing
}

// Sizes in the units of the picture, which is as wide as a phone. Text is large
// enough to be read there without zooming.
const (
	plotWidth  = 400
	plotLeft   = 12  // of the scale
	plotRight  = 300 // of the scale; values stand to the right of the last dot
	plotHead   = 84  // above the first group
	groupName  = 24  // of the name of a group
	lineHeight = 20
	groupGap   = 10
	plotFoot   = 36 // the numbers of the scale

	numberWidth = 56 // of a number of the scale, with some room
)

// plotStyle has colours that people who see some colours alike can tell apart,
// on a light and on a dark page.
const plotStyle = `
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.name { font-size: 14px; font-weight: 600; }
.soft { fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.bar { stroke-width: 3; }
.hollow { stroke-width: 2; }
.s0 { fill: #0550ae; stroke: #0550ae; }
.s1 { fill: #bc4c00; stroke: #bc4c00; }
.s2 { fill: #1a7f64; stroke: #1a7f64; }
.s3 { fill: #8250df; stroke: #8250df; }
.hollow { fill: #ffffff; }
.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.soft { fill: #9198a1; }
.grid { stroke: #3d444d; }
.s0 { fill: #79c0ff; stroke: #79c0ff; }
.s1 { fill: #ffa657; stroke: #ffa657; }
.s2 { fill: #56d4a8; stroke: #56d4a8; }
.s3 { fill: #d2a8ff; stroke: #d2a8ff; }
.hollow { fill: #0d1117; }
.page { fill: #0d1117; }
}
`

// shapes draw a dot at a place, of the radius that makes it 9 wide.
var shapes = []string{
	`<circle class="%[3]s" cx="%.1[1]f" cy="%.1[2]f" r="4.5"/>`,
	`<path class="%[3]s" d="M%.1[1]f %.1[2]f m0 -5.5 l5.5 5.5 l-5.5 5.5 l-5.5 -5.5 z"/>`,
	`<path class="%[3]s" d="M%.1[1]f %.1[2]f m-4.2 -4.2 h8.4 v8.4 h-8.4 z"/>`,
	`<path class="%[3]s" d="M%.1[1]f %.1[2]f m0 -5 l5 9.2 h-10 z"/>`,
}

func shape(series int, x, y float64, class string) string {
	return fmt.Sprintf(shapes[series], x, y, class)
}

// svg returns the picture. Title and description say all that is in it to those
// who do not see it.
func (p *dotPlot) svg() []byte {
	low, high := p.scale()
	at := func(v float64) float64 {
		part := (math.Log10(v) - float64(low)) / float64(high-low)
		return plotLeft + part*(plotRight-plotLeft)
	}
	bottom := float64(plotHead)
	for _, g := range p.groups {
		bottom += groupName + float64(len(g.lines))*lineHeight + groupGap
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%[1]d" height="%.0[2]f" role="img" aria-labelledby="title desc">`+"\n",
		plotWidth, bottom+plotFoot)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n",
		html.EscapeString(p.title), html.EscapeString(p.describe()), plotStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%.0f"/>`+"\n", plotWidth, bottom+plotFoot)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="24">%s, %s</text>`+"\n", plotLeft, html.EscapeString(p.title), p.unit)
	x := float64(plotLeft + 5)
	for i, s := range p.series {
		fmt.Fprintf(&b, `%s<text x="%.0f" y="48">%s</text>`+"\n", shape(i, x, 44, class(i)), x+9, html.EscapeString(s))
		x += 28 + 8*float64(len(s))
	}
	fmt.Fprintf(&b, `<text class="soft" x="%.0f" y="48">%s</text>`+"\n", x, html.EscapeString(p.legend))
	if p.spans != "" {
		fmt.Fprintf(&b, `<text class="soft" x="%d" y="68">Bars: %s</text>`+"\n", plotLeft, html.EscapeString(p.spans))
	}
	step := 1 // between the numbers of the scale, so that they do not touch
	if (plotRight-plotLeft)/(high-low) < numberWidth {
		step = 2
	}
	for e := low; e <= high; e++ {
		x := at(math.Pow10(e))
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1[1]f" y1="%d" y2="%.0f"/>`+"\n", x, plotHead, bottom)
		if (e-low)%step != 0 {
			continue
		}
		fmt.Fprintf(&b, `<text class="soft" x="%.1f" y="%.0f" text-anchor="%s">%s</text>`+"\n", x, bottom+20, anchor(e, low), decimal(e))
	}
	y := float64(plotHead)
	for _, g := range p.groups {
		fmt.Fprintf(&b, `<text class="name" x="%d" y="%.0f">%s</text>`+"\n", plotLeft, y+17, html.EscapeString(g.name))
		y += groupName
		for i, dots := range g.lines {
			p.line(&b, i, dots, at, y+lineHeight/2)
			y += lineHeight
		}
		y += groupGap
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// line draws the dots of a series.
func (p *dotPlot) line(b *bytes.Buffer, series int, dots []float64, at func(float64) float64, y float64) {
	if len(dots) == 0 {
		return
	}
	first, last := dots[0], dots[len(dots)-1]
	if len(dots) > 1 {
		fmt.Fprintf(b, `<line class="bar %s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1[4]f"/>`, class(series), at(first), at(last), y)
		b.WriteString(shape(series, at(last), y, class(series)+" hollow"))
	}
	b.WriteString(shape(series, at(first), y, class(series)))
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f">%s</text>`+"\n", at(last)+10, y+4.5, values(dots, " – "))
}

// scale returns the powers of ten that hold all values.
func (p *dotPlot) scale() (low, high int) {
	least, most := math.Inf(1), math.Inf(-1)
	for _, g := range p.groups {
		for _, dots := range g.lines {
			for _, v := range dots {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if !(least > 0) || math.IsInf(most, 0) {
		return 0, 1
	}
	low, high = int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))
	return low, max(high, low+1)
}

// describe says in words what the picture shows.
func (p *dotPlot) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, in %s, on a logarithmic scale, at %s %s", p.title, p.unit, list(p.series), p.legend)
	if p.spans != "" {
		b.WriteString(", " + p.spans)
	}
	b.WriteString(".")
	for _, g := range p.groups {
		fmt.Fprintf(&b, " %s:", g.name)
		for i, dots := range g.lines {
			if i > 0 {
				b.WriteString(";")
			}
			b.WriteString(" " + values(dots, " to "))
		}
		b.WriteString(".")
	}
	return b.String()
}

func values(dots []float64, between string) string {
	var all []string
	for _, v := range dots {
		all = append(all, number(v, true))
	}
	if len(all) == 0 {
		return "not measured"
	}
	return strings.Join(all, between)
}

// list is "a, b and c".
func list(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

func class(series int) string { return fmt.Sprintf("s%d", series) }

// anchor keeps the first number of the scale inside of the picture.
func anchor(e, first int) string {
	if e == first {
		return "start"
	}
	return "middle"
}

// decimal writes a power of ten, with commas between the thousands.
func decimal(e int) string {
	if e < 0 {
		return "0." + strings.Repeat("0", -e-1) + "1"
	}
	s := "1" + strings.Repeat("0", e)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
