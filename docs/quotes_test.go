package docs_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A quote is one line of rfc6455-code.tsv.
type quote struct{ key, file, words string }

func readQuotes(t *testing.T) (quotes []quote) {
	t.Helper()
	b, err := os.ReadFile("rfc6455-code.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		f := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 3 {
			t.Fatalf("line %d: %d columns, want 3: %q", i+1, len(f), line)
		}
		quotes = append(quotes, quote{f[0], f[1], f[2]})
	}
	return quotes
}

// comments returns the comments of a file that stand directly above code or
// beside it, each in one line.
func comments(t *testing.T, file string) (texts []string) {
	t.Helper()
	name := filepath.Join("..", filepath.FromSlash(file))
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(src), "\n")
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range f.Comments {
		next := strings.TrimSpace(lines[set.Position(group.End()).Line]) // the line behind it: lines begin at 1
		if next == "" || next == "}" {
			continue
		}
		texts = append(texts, strings.Join(strings.Fields(group.Text()), " "))
	}
	return texts
}

// Each quote stands in the code that obeys it, with its section named, and
// belongs to a requirement that a test holds.
func TestQuotesStandWhereTheyAreObeyed(t *testing.T) {
	rows, _ := readTable(t)
	for _, q := range readQuotes(t) {
		i := slices.IndexFunc(rows, func(r requirement) bool { return r.key == q.key })
		if i < 0 || len(rows[i].tests) == 0 {
			t.Errorf("%s: no such requirement, or no test holds it", q.key)
			continue
		}
		if strings.HasSuffix(q.file, "_test.go") || !slices.ContainsFunc(comments(t, q.file), func(s string) bool {
			before, _, ok := strings.Cut(s, q.words)
			section := rows[i].section()
			return ok && (strings.Contains(before, "RFC 6455, "+section) || strings.Contains(before, "; "+section+":"))
		}) {
			t.Errorf("%s: no comment above code in %s has RFC 6455, %s, say %q", q.key, q.file, rows[i].section(), q.words)
		}
	}
}

// Each quote is in the RFC, in the section of its requirement, and holds the
// very keyword that its key counts.
func TestQuotesAreTheRequirementsThatTheyAreListedFor(t *testing.T) {
	text := rfcText(t)
	if text == "" {
		return
	}
	sections := sectionsOf(text)
	for _, q := range readQuotes(t) {
		section, number, _ := strings.Cut(q.key, "/")
		before, _, ok := strings.Cut(sections[section], q.words)
		if !ok {
			t.Errorf("%s: section %s does not say %q", q.key, section, q.words)
			continue
		}
		n, err := strconv.Atoi(number)
		from := countIn(before)
		if to := countIn(before + q.words); err != nil || n <= from || n > to {
			t.Errorf("%s: %q holds the requirements %d to %d", q.key, q.words, from+1, to)
		}
	}
}

// countIn counts MUST and the like.
func countIn(words string) (n int) {
	for _, m := range keyword.FindAllStringSubmatch(words, -1) {
		if kindOf(m[2]) == 0 {
			n++
		}
	}
	return n
}
