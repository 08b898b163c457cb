package autobahn

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// casesText holds the ids of all cases of wstest 25.10.1, one a line, in the suite's order. [TestCaseList] compares it with
// the suite's own list and, with -update, writes it.
//
//go:embed cases.txt
var casesText string

const casesFile = "cases.txt"

// allCases returns the ids of cases.txt.
func allCases() []string { return strings.Fields(casesText) }

// section is the number before the first dot of a case id.
func section(id string) string {
	s, _, _ := strings.Cut(id, ".")
	return s
}

// sections are those of wstest 25.10.1 in order, with the number of their cases and their subject.
var sections = []struct {
	number  string
	cases   int
	subject string
}{
	{"1", 16, "Framing"},
	{"2", 11, "Pings and pongs"},
	{"3", 7, "Reserved bits"},
	{"4", 10, "Opcodes"},
	{"5", 20, "Fragmentation"},
	{"6", 145, "UTF-8"},
	{"7", 37, "Closing"},
	{"9", 54, "Limits and performance"},
	{"10", 1, "Fragments that the peer does not want"},
	{"12", 90, "Compression, message sizes"},
	{"13", 126, "Compression, parameters"},
}

const (
	totalCases = 517 // of wstest 25.10.1
	runCases   = 517 // of them, without sections that wait: none does
)

// The numbers stand here so that a list which lost lines can't pass for a whole run.
func TestCaseCounts(t *testing.T) {
	ids := allCases()
	if len(ids) != totalCases {
		t.Errorf("%s has %d cases, want %d", casesFile, len(ids), totalCases)
	}
	if u := slices.Compact(slices.Sorted(slices.Values(ids))); len(u) != len(ids) {
		t.Errorf("%s has %d ids twice", casesFile, len(ids)-len(u))
	}
	count := map[string]int{}
	for _, id := range ids {
		count[section(id)]++
	}
	for _, s := range sections {
		if count[s.number] != s.cases {
			t.Errorf("section %s has %d cases, want %d", s.number, count[s.number], s.cases)
		}
		delete(count, s.number)
	}
	if len(count) > 0 {
		t.Errorf("unknown sections: %v", count)
	}
	exp := readExpectations(t)
	for _, d := range []direction{server, client} {
		if n := len(exp.selected(d, ids)); n != runCases {
			t.Errorf("%s: %d cases are to be run, want %d", d, n, runCases)
		}
	}
}

// The subset for wss must name existing cases, and some of each section that can be run.
func TestSecureSubset(t *testing.T) {
	ids := readExpectations(t).selected(server, allCases())
	sub := secureSubset(ids)
	got := map[string]int{}
	for _, id := range sub {
		got[section(id)]++
	}
	for _, id := range ids {
		if got[section(id)] == 0 {
			t.Fatalf("the wss legs run no case of section %s", section(id))
		}
	}
	if len(sub) < len(ids)/4 {
		t.Errorf("the wss legs run %d of %d cases, want at least a quarter", len(sub), len(ids))
	}
}

// secureSubset picks the cases that the wss legs run: those that the transport can change at all (sizes, chopping,
// fragments, pings, closing), and the first of each group of the others.
func secureSubset(ids []string) (sub []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		part := strings.Split(id, ".")
		group := strings.Join(part[:2], ".")
		var take bool
		switch part[0] {
		case "1", "2", "5", "7", "10":
			take = true
		case "9": // the smallest three sizes: 16 MiB says nothing more about TLS
			take = part[2] <= "3"
		default:
			take = !seen[group]
		}
		seen[group] = true
		if take {
			sub = append(sub, id)
		}
	}
	return sub
}

// compressedSubset leaves out all but the first of each group of 12 and 13: what they look at lies above the two ways into
// a server, and takes wstest seven minutes of two processors each time.
func compressedSubset(ids []string) (sub []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		part := strings.Split(id, ".")
		group := strings.Join(part[:2], ".")
		if s := section(id); s != "12" && s != "13" || !seen[group] {
			sub = append(sub, id)
		}
		seen[group] = true
	}
	return sub
}

// Each case is run in both directions, whatever the subsets leave out.
func TestEveryCaseIsRunInBothDirections(t *testing.T) {
	exp := readExpectations(t)
	run := map[direction]map[string]bool{server: {}, client: {}}
	for _, l := range legs {
		for _, id := range l.cases(exp) {
			run[l.dir][id] = true
		}
	}
	for d, got := range run {
		if len(got) != totalCases {
			t.Errorf("%s: %d cases are run, want %d", d, len(got), totalCases)
		}
	}
	if n := len(compressedSubset(allCases())); n != 301+12 {
		t.Errorf("server-raw runs %d cases, want all 301 without compression and one of each of the 12 groups with", n)
	}
}

// shard returns every n-th id from the i-th on, so that slow neighbours (9.*, 12.*) spread evenly.
func shard(ids []string, i, n int) (part []string) {
	for ; i < len(ids); i += n {
		part = append(part, ids[i])
	}
	return part
}

func TestShardsAreWhole(t *testing.T) {
	ids := allCases()
	for n := 1; n < 8; n++ {
		var union []string
		for i := range n {
			union = append(union, shard(ids, i, n)...)
		}
		slices.Sort(union)
		if !slices.Equal(union, slices.Sorted(slices.Values(ids))) {
			t.Errorf("%d shards are not the whole list", n)
		}
	}
	if got := fmt.Sprint(shard([]string{"a", "b", "c"}, 1, 2)); got != "[b]" {
		t.Errorf("shard 1 of 2: %s", got)
	}
}
