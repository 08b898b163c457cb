package docs_test

import (
	"os"
	"strings"
	"testing"
)

// attackers are those that SECURITY.md has to have an answer to, by a word of
// their rows.
var attackers = []string{
	"slowloris", "a frame a byte a second", "opens connections", "from one address", "floods pings", "floods fragments",
	"floods fields", "compression bomb", "another origin", "reads slowly",
	"an event stream and reads nothing", "`httpstream` for a topic and reads nothing", "very many long polls", "a cursor that is forged",
	"thousands of fields", "announces a body", "comes back again and again",
	"an event without end", "answer without end", "items that are none", "empty lines", "a head without end",
}

// Each row of the table of attackers says what stops it, which tests show it,
// and what it costs. That the tests are there is held by
// TestDocumentsPointToWhatIsThere.
func TestEveryAttackerHasADefaultATestAndAFigure(t *testing.T) {
	b, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "\n## Attackers\n")
	if !ok {
		t.Fatal("SECURITY.md has no section Attackers")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	rows := make(map[string]bool)
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attacker") || strings.HasPrefix(line, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 {
			t.Errorf("%d cells in: %s", len(cells), line)
			continue
		}
		if !mdTests.MatchString(cells[2]) {
			t.Errorf("no test in: %s", line)
		}
		if !strings.ContainsAny(cells[3], "0123456789") && !strings.Contains(cells[3], "as above") {
			t.Errorf("no figure in: %s", line)
		}
		for _, a := range attackers {
			if strings.Contains(cells[0], a) {
				rows[a] = true
			}
		}
	}
	for _, a := range attackers {
		if !rows[a] {
			t.Errorf("no row for %q", a)
		}
	}
}
