//go:build linux

package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/masking"
	"github.com/pushwire/pushwire/bench/report"
)

// maskSizes are those on both sides of where implementations change their
// ways, of frames that are met often, and powers of two up to a second-level
// cache.
var maskSizes = []int{
	1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 48, 64, 100, 125, 128, 200, 256, 512, 1000,
	1 << 10, 1400, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20,
}

// maskOffsets are those of the payload in its cache line: aligned to
// everything, and odd, across the ends of vectors and lines.
var maskOffsets = []int{0, 61}

// masks measures masking in place by itself, in processor time.
func masks(s settings, r *report.Results) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, off := range maskOffsets {
		for _, n := range maskSizes {
			if err := maskCase(s, r, n, off); err != nil {
				return err
			}
		}
	}
	return nil
}

func maskCase(s settings, r *report.Results, n, off int) error {
	payloads := masking.Payloads(n, off)
	for _, c := range masking.All {
		if err := checkMask(c, payloads); err != nil {
			return fmt.Errorf("%s, %d bytes at %d: %w", c.Name, n, off, err)
		}
	}
	for round := range s.rounds {
		// Three times in turn, of which the middle one counts: a disturbance
		// lasts longer than one of them.
		times := make([][]float64, len(masking.All))
		for range 3 {
			for i, c := range masking.All {
				times[i] = append(times[i], maskTime(c, payloads, s.maskSpan))
			}
		}
		for i, c := range masking.All {
			slices.Sort(times[i])
			ns := math.Round(times[i][1]*1000) / 1000
			r.Add(report.Sample{Case: report.MaskCase(n, off), Candidate: c.Name, Round: round + 1, Values: map[string]float64{"ns": ns}})
		}
	}
	return nil
}

// checkMask compares what c does with RFC 6455, 5.3.
func checkMask(c masking.Candidate, payloads [][]byte) error {
	if c.Name == masking.Limit {
		return nil
	}
	for i, p := range payloads {
		for j := range p {
			p[j] = byte(i + j)
		}
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	c.Mask(payloads, key)
	for i, p := range payloads {
		for j := range p {
			if p[j] != byte(i+j)^key[j%4] {
				return fmt.Errorf("byte %d of payload %d is wrong", j, i)
			}
		}
	}
	return nil
}

// maskTime returns the processor time of one payload in nanoseconds.
func maskTime(c masking.Candidate, payloads [][]byte, span time.Duration) float64 {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	c.Mask(payloads, key) // warm
	loops := 1
	for {
		begin := child.CPUTime()
		for range loops {
			c.Mask(payloads, key)
		}
		spent := child.CPUTime() - begin
		if spent >= span {
			return float64(spent) / float64(loops*len(payloads))
		}
		loops = max(loops*2, int(float64(loops)*1.2*float64(span)/float64(spent+1)))
	}
}
