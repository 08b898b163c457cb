//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/frame"
)

// textKinds are ASCII, characters of all lengths among it, and scripts whose
// characters have two, three and four bytes.
var textKinds = []struct{ name, sample string }{
	{"ASCII", "Only letters of one byte. "},
	{"mixed", "Push wire, Gr\u00fc\u00dfe, \u4f60\u597d, \u041f\u0440\u0438\u0432\u0435\u0442 \U0001F389\U0001F680 and some more ASCII to skip quickly. "},
	{"Cyrillic", "\u041f\u0440\u0438\u0432\u0435\u0442\u043c\u0438\u0440"},
	{"Chinese", "\u4f60\u597d\u4e16\u754c"},
	{"emoji", "\U0001F389\U0001F680"},
}

var textSizes = []int{16, 64, 256, 1 << 10, 4 << 10, 64 << 10}

// validators report whether a text is valid. The first one is the limit: it
// reads every byte and finds none.
var validators = []struct {
	name  string
	valid func(p []byte) bool
}{
	{report.TextLimit, func(p []byte) bool { return bytes.IndexByte(p, 0xFF) < 0 }},
	{"pushwire", func(p []byte) bool {
		var u frame.UTF8
		return u.Write(p) && u.End()
	}},
	{"pushwire, pieces of 100 B", func(p []byte) bool {
		var u frame.UTF8
		for ; len(p) > 100; p = p[100:] {
			u.Write(p[:100])
		}
		return u.Write(p) && u.End()
	}},
	{"utf8.Valid", utf8.Valid},
}

// validations measures the check of UTF-8 by itself, in processor time.
func validations(s settings, r *report.Results) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, kind := range textKinds {
		for _, n := range textSizes {
			text := []byte(strings.Repeat(kind.sample, n/len(kind.sample)+1)[:n])
			for !utf8.Valid(text) { // a character was cut
				text = text[:len(text)-1]
			}
			for round := range s.rounds {
				times := make([][]float64, len(validators))
				for range 3 { // in turn; the middle one counts
					for i, v := range validators {
						if !v.valid(text) || i > 0 && v.valid(append(bytes.Clone(text), 0xED, 0xA0, 0x80)) {
							return fmt.Errorf("%s is wrong about %d bytes of %s", v.name, n, kind.name)
						}
						times[i] = append(times[i], textTime(v.valid, text, s.maskSpan))
					}
				}
				for i, v := range validators {
					slices.Sort(times[i])
					r.Add(report.Sample{Case: report.TextCase(kind.name, n), Candidate: v.name, Round: round + 1, Values: map[string]float64{
						"gb_per_s": math.Round(float64(len(text))/times[i][1]*1000) / 1000,
					}})
				}
			}
		}
	}
	return nil
}

// textTime returns the processor time of one text in nanoseconds.
func textTime(valid func([]byte) bool, text []byte, span time.Duration) float64 {
	for loops := 16; ; loops *= 2 {
		begin := child.CPUTime()
		for range loops {
			valid(text)
		}
		if spent := child.CPUTime() - begin; spent >= span {
			return float64(spent) / float64(loops)
		}
	}
}
