package eventstream

import (
	"io"
	"strings"
	"testing"
)

// A spy stands between a Decoder and its reader. At each read it sees whether
// anything is left that was not looked at: then it would be looked at twice;
// and whether there is more memory than the bytes that came ask for.
type spy struct {
	t     *testing.T
	d     *Decoder
	r     io.Reader
	reads int
	size  int // bytes given
}

func (s *spy) Read(p []byte) (int, error) {
	in := &s.d.in
	if in.begun && in.scan != in.end {
		s.t.Errorf("read %d: %d bytes of the line were not looked at", s.reads, in.end-in.scan)
	}
	if in.cr < in.end {
		s.t.Errorf("read %d: a CR at %d of %d, where no line should end", s.reads, in.cr, in.end)
	}
	if most := max(keepBuffer, 2*s.size); len(in.buf) > most {
		s.t.Errorf("read %d: a buffer of %d after %d bytes", s.reads, len(in.buf), s.size)
	}
	s.reads++
	n, err := s.r.Read(p)
	s.size += n
	return n, err
}

// TestLinear: the work for a stream is at most a few times its length, counted
// in bytes that are moved, for streams and reads of all shapes. Searches go on
// where they stopped, and joining lines moves each byte once at most.
func TestLinear(t *testing.T) {
	for _, c := range []struct {
		why string
		in  repeat
	}{
		{"one event of short lines", repeat{"data: x\n", 60_000, "\n", 0}},
		{"one event of the shortest lines", repeat{"data\n", 60_000, "\n", 0}},
		{"one event of lines that end in CR", repeat{"data: x\r", 60_000, "\r", 0}},
		{"one event of lines that end in CR LF", repeat{"data: x\r\n", 60_000, "\r\n", 0}},
		{"one line", repeat{"", 0, "data: " + strings.Repeat("x", 400_000) + "\n\n", 0}},
		{"one line of letters that are not ASCII", repeat{"", 0, "data: " + strings.Repeat("ж", 200_000) + "\n\n", 0}},
		{"two long lines", repeat{"data: " + strings.Repeat("x", 200_000) + "\n", 2, "\n", 0}},
		{"long and short lines", repeat{"data: " + strings.Repeat("x", 3000) + "\ndata: x\ndata\n", 150, "\n", 0}},
		{"small events", repeat{"data: x\n\n", 40_000, "", 0}},
		{"small events that end in CR, and an LF far away", repeat{"data: x\r\r", 40_000, "\n\n", 0}},
		{"comments within a block", repeat{"data: x\n: comment\n", 30_000, "\n", 0}},
		{"long comments within a block", repeat{"data: x\n: " + strings.Repeat("c", 5000) + "\n", 100, "\n", 0}},
		{"one comment", repeat{": comment", 40_000, "\ndata: x\n\n", 0}},
		{"IDs and types", repeat{"id: 1234\nevent: abcd\n", 20_000, "data: x\n\n", 0}},
		{"events of growing size", repeat{"", 0, growing(), 0}},
		{"at the limit", repeat{"data: x\n", 1 << 18, "\n", 0}},
	} {
		for _, n := range []int{1, 7, 100, 4096, 1 << 20} {
			in := c.in
			if n == 1 { // the longest of them are cut down for the slowest reader
				in.n = min(in.n, 20_000)
			}
			s := &spy{t: t, r: &atMost{&in, n}}
			s.d = NewDecoder(s)
			if c.why == "at the limit" {
				s.d.MaxEvent = 2*in.n - 1
			}
			moved := 0
			for _, err := range s.d.All() {
				if err != nil {
					t.Fatal(err)
				}
				moved = s.d.in.moved
			}
			if moved > 3*s.size {
				t.Errorf("%s, %d bytes a read: %d bytes were moved for %d", c.why, n, moved, s.size)
			}
		}
	}
}

func growing() string {
	var b strings.Builder
	for i := range 700 {
		b.WriteString("data: " + strings.Repeat("x", i) + "\n\n")
	}
	return b.String()
}
