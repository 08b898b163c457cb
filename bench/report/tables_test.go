package report

import (
	"strings"
	"testing"
)

// TestEchoTables: results from before waits were counted have no column of
// them, and where nothing could be counted the columns are empty.
func TestEchoTables(t *testing.T) {
	for _, test := range []struct {
		values map[string]float64
		want   string
	}{
		{map[string]float64{"cpu_us": 2, "reads": 2, "writes": 1, "waits": 0.03, "p50_us": 5, "p99_us": 7}, `
| 64 B, 1 in flight | us a message | of raw echo 4 KiB | reads | writes | waits | p50 us | p99 us | of raw echo 4 KiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| raw echo 4 KiB | 2.00 | 1.00 | 2.00 | 1.00 | 0.030 | 5.00 | 7.00 | 1.00 |
`},
		{map[string]float64{"cpu_us": 2, "reads": 2, "writes": 1, "p50_us": 5, "p99_us": 7}, `
| 64 B, 1 in flight | us a message | of raw echo 4 KiB | reads | writes | p50 us | p99 us | of raw echo 4 KiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| raw echo 4 KiB | 2.00 | 1.00 | 2.00 | 1.00 | 5.00 | 7.00 | 1.00 |
`},
		{map[string]float64{"cpu_us": 2, "p50_us": 5, "p99_us": 7}, `
| 64 B, 1 in flight | us a message | of raw echo 4 KiB | reads | writes | p50 us | p99 us | of raw echo 4 KiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| raw echo 4 KiB | 2.00 | 1.00 |  |  | 5.00 | 7.00 | 1.00 |
`},
	} {
		r := &Results{}
		r.Add(Sample{Case: EchoCase(64, 1), Candidate: limitSmall, Round: 1, Values: test.values})
		var b strings.Builder
		echoTables(&b, r)
		if got := "\n" + b.String(); got != test.want {
			t.Errorf("values %v: the table is%s\nwant%s", test.values, got, test.want)
		}
	}
}
