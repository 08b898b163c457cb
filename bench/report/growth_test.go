package report

import (
	"strings"
	"testing"
)

// TestGrowthTables: cases stand from few connections to many, whatever order
// they were measured in, and ratios are those of the same round.
func TestGrowthTables(t *testing.T) {
	r := &Results{}
	for _, s := range []struct {
		conns, round int
		cpu          float64
	}{
		{10_000, 1, 4}, {1000, 1, 2}, {19_000, 1, 6},
		{1000, 2, 20}, {19_000, 2, 60}, {10_000, 2, 30}, // a slow round
		{19_000, 3, 6}, {10_000, 3, 3}, {1000, 3, 2},
	} {
		r.Add(Sample{Case: GrowthCase(s.conns), Candidate: "one", Round: s.round, Values: map[string]float64{"cpu_us": s.cpu}})
		r.Add(Sample{Case: GrowthCase(s.conns), Candidate: GrowthLimit, Round: s.round, Values: map[string]float64{"cpu_us": s.cpu / 2}})
	}
	var b strings.Builder
	growthTables(&b, r)
	for _, want := range []string{
		"| Server CPU for each message, us | 1,000 | 10,000 | of 1,000 | 19,000 | of 1,000 |",
		"| one | 2.00 | 4.00 | 1.50 | 6.00 | 3.00 |",
		"| one | 2.00 | 2.00 | 2.00 |",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("there is no line\n%s\nin\n%s", want, b.String())
		}
	}
}
