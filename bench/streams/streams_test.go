package streams

import "testing"

// TestCandidates: each of them sees all events with all of their data, so
// that none is fast because it leaves out something.
func TestCandidates(t *testing.T) {
	for _, c := range All {
		for _, s := range Shapes {
			n := 2 * s.Events
			got, err := c.Decode(NewSource(s.Stream), n)
			most := 2 * len(s.Stream)
			if c.Name == "pushwire" {
				most = 2 * s.Data
			}
			if err != nil || got < 2*s.Data || got > most {
				t.Errorf("%s, %s: %d bytes of %d, %v", c.Name, s.Name, got, 2*s.Data, err)
			}
		}
		for _, p := range Payloads {
			if c.Encode == nil {
				continue
			}
			if got, err := c.Encode(p.Data, 3); err != nil || got < 3*(len(p.Data)+len("data: \n\n")) {
				t.Errorf("%s, %s: %d bytes, %v", c.Name, p.Name, got, err)
			}
		}
	}
	sizes := []int{68, 342, 64 * 1024, 1_000_000}
	for i, s := range Shapes {
		if got := s.Size(); got < sizes[i] || got > sizes[i]+sizes[i]/64 {
			t.Errorf("%s is %d bytes", s.Name, got)
		}
	}
}
