package report

import (
	"encoding/xml"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"
)

var somePlot = dotPlot{
	title: "Time & <place>", unit: "ms", legend: "a second", spans: "from here to there",
	series: []string{"0.1", "1", "100"},
	groups: []dotGroup{
		{name: "slow", lines: [][]float64{{470, 980}, {2500, 5000}, {500, 9999}}},
		{name: "fast", lines: [][]float64{{0.0123, 0.5}, nil, {1}}},
	},
}

// element is one of a picture, with the text that is in it.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements parses a picture: it fails if it is not well formed.
func elements(t *testing.T, svg []byte) (all []element) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{name: tok.Name.Local, attrs: map[string]string{}}
			for _, a := range tok.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			all = append(all, e)
		case xml.CharData:
			if len(all) > 0 {
				all[len(all)-1].text += string(tok)
			}
		}
	}
}

func (e element) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attrs[name], 64)
	if err != nil {
		t.Fatalf("%s of %s: %v", name, e.name, err)
	}
	return v
}

// A picture says in words what is in it, draws each value once, and keeps all
// of it inside.
func TestPlot(t *testing.T) {
	all := elements(t, somePlot.svg())
	texts := map[string]string{}
	names := map[string]int{}
	for _, e := range all {
		names[e.name]++
		if e.name == "title" || e.name == "desc" {
			texts[e.attrs["id"]] = strings.TrimSpace(e.text)
		}
	}
	want := map[string]string{
		"title": "Time & <place>",
		"desc": "Time & <place>, in ms, on a logarithmic scale, at 0.1, 1 and 100 a second, from here to there. " +
			"slow: 470 to 980; 2500 to 5000; 500 to 9999. fast: 0.01 to 0.50; not measured; 1.00.",
	}
	if !maps.Equal(texts, want) {
		t.Errorf("it says %q, want %q", texts, want)
	}
	if all[0].attrs["aria-labelledby"] != "title desc" || all[0].attrs["role"] != "img" {
		t.Errorf("the picture is %v to a screen reader", all[0].attrs)
	}
	// One shape of each series is in the legend; two values have a bar.
	if names["circle"] != 1+4 || names["path"] != 2+2+3 {
		t.Errorf("%d circles and %d other shapes", names["circle"], names["path"])
	}
	bars := 0
	height := all[0].number(t, "height")
	for _, e := range all {
		if strings.HasPrefix(e.attrs["class"], "bar") {
			bars++
		}
		for name, most := range map[string]float64{"x": plotWidth, "x1": plotWidth, "x2": plotWidth, "cx": plotWidth, "y": height, "y1": height, "y2": height, "cy": height} {
			if _, ok := e.attrs[name]; !ok {
				continue
			}
			v := e.number(t, name)
			// The widest letter of the font takes less than this.
			if strings.HasPrefix(name, "x") && e.name == "text" && e.attrs["text-anchor"] == "" && e.attrs["class"] == "" {
				v += 7.5 * float64(len([]rune(e.text)))
			}
			if v < 0 || v > most {
				t.Errorf("%s %q: %s is %v", e.name, e.text, name, v)
			}
		}
	}
	if bars != 4 {
		t.Errorf("%d bars", bars)
	}
}

// Equal factors are equally far from each other, and the scale has all values.
func TestPlotScale(t *testing.T) {
	for _, tt := range []struct {
		values    []float64
		low, high int
	}{
		{[]float64{1}, 0, 1},
		{[]float64{0.9, 1.1}, -1, 1},
		{[]float64{100, 1000}, 2, 3},
		{[]float64{0.01, 10_001}, -2, 5},
		{nil, 0, 1},
		{[]float64{0}, 0, 1},
	} {
		p := dotPlot{series: []string{"a"}, groups: []dotGroup{{lines: [][]float64{tt.values}}}}
		if low, high := p.scale(); low != tt.low || high != tt.high {
			t.Errorf("%v: from %d to %d, want %d to %d", tt.values, low, high, tt.low, tt.high)
		}
	}
	p := dotPlot{series: []string{"a"}, groups: []dotGroup{{lines: [][]float64{{1}}}, {lines: [][]float64{{10}}}, {lines: [][]float64{{100}}}}}
	var x []float64
	for _, e := range elements(t, p.svg()) {
		if e.name == "circle" {
			x = append(x, e.number(t, "cx"))
		}
	}
	if len(x) != 4 || x[1] != plotLeft || x[3] != plotRight || x[2]-x[1] != x[3]-x[2] {
		t.Errorf("1, 10 and 100 are at %v", x)
	}
}

func TestDecimal(t *testing.T) {
	for e, want := range map[int]string{-3: "0.001", -1: "0.1", 0: "1", 2: "100", 3: "1,000", 6: "1,000,000"} {
		if got := decimal(e); got != want {
			t.Errorf("10^%d: %q, want %q", e, got, want)
		}
	}
}
