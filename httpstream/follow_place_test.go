package httpstream

import (
	"errors"
	"testing"

	"github.com/pushwire/pushwire/topic"
)

func TestPlaceTakesEachItemOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		after   topic.Cursor
		item    topic.Cursor
		fresh   bool
		hole    topic.Cursor // to go on after
		cursor  topic.Cursor // then
		invalid bool
	}{
		"the next":             {"e-7", "e-8", true, "", "e-8", false},
		"the same":             {"e-7", "e-7", false, "", "e-7", false},
		"an old one":           {"e-7", "e-1", false, "", "e-7", false},
		"one is missing":       {"e-7", "e-9", false, "e-8", "e-7", false},
		"another epoch":        {"e-7", "f-8", false, "f-7", "e-7", false},
		"the first of another": {"e-7", "f-1", false, "f-0", "e-7", false},
		"the first":            {"e-0", "e-1", true, "", "e-1", false},
		"from the oldest":      {"", "e-100", true, "", "e-100", false},
		"from now on":          {topic.Now, "e-100", true, "", "e-100", false},
		"no cursor":            {"e-7", "", false, "", "e-7", true},
		"not a cursor":         {"e-7", "e-08", false, "", "e-7", true},
		"now":                  {"e-7", topic.Now, false, "", "e-7", true},
		"the last":             {"e-18446744073709551614", "e-18446744073709551615", true, "", "e-18446744073709551615", false},
		"around":               {"e-18446744073709551615", "e-0", false, "", "e-18446744073709551615", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(tt.after)
			fresh, err := p.item(tt.item)
			var h *HoleError
			errors.As(err, &h)
			switch {
			case fresh != tt.fresh || p.cursor != tt.cursor:
				t.Errorf("fresh %v, then at %q", fresh, p.cursor)
			case (h != nil) != (tt.hole != ""), h != nil && h.next != tt.hole:
				t.Errorf("error %v (go on after %+v), want %q", err, h, tt.hole)
			case (err != nil) != (tt.invalid || tt.hole != ""):
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPlaceOfATransport(t *testing.T) {
	for name, tt := range map[string]struct {
		after, at topic.Cursor
		ok        bool
		cursor    topic.Cursor
	}{
		"at first":      {"", "e-7", true, "e-7"},
		"now":           {topic.Now, "e-7", true, "e-7"},
		"where we are":  {"e-7", "e-7", true, "e-7"},
		"behind":        {"e-7", "e-3", true, "e-7"},
		"too far":       {"e-7", "e-8", false, "e-7"},
		"another epoch": {"e-7", "f-7", false, "e-7"},
		"nowhere":       {"e-7", "", false, "e-7"},
		"nonsense":      {"", "x", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(tt.after)
			if err := p.at(tt.at); (err == nil) != tt.ok || p.cursor != tt.cursor {
				t.Errorf("%v, then at %q", err, p.cursor)
			}
		})
	}
}
