package docs_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write RFC6455.md from rfc6455.tsv")

// reasons are what the note of a row without a test may begin with.
var reasons = []struct{ prefix, means string }{
	{"not an endpoint's duty: ", "of browsers, intermediaries, IANA, authors of extensions"},
	{"the application's duty: ", "of the program that uses the library"},
	{"not supported: ", "what it is about does not exist here"},
	{"not done: ", "it applies, and is knowingly not obeyed"},
	{"no requirement: ", "the word is there, a demand is not"},
}

// parties are who a requirement may bind.
var parties = []string{"client", "server", "both", "application", "authors", "intermediaries", "IANA"}

// A requirement is one row of rfc6455.tsv.
type requirement struct {
	key, level, binds, text string
	tests                   []string // package path below the module (pushwire is the root), dot, test, slash, subtest
	note                    string
	code                    []string // files in which the RFC's words stand where they are obeyed
}

// section returns the part of the key before the slash.
func (r requirement) section() string {
	s, _, _ := strings.Cut(r.key, "/")
	return s
}

// counts are how many requirements a section has: MUST, SHOULD, and must in
// small letters, each with its like.
type counts [3]int

// marks are what the numbers of the three have before them in keys.
var marks = [3]string{"", "s", "m"}

// keys returns the keys of a section that has n requirements.
func (n counts) keys(section string) (keys []string) {
	for kind, mark := range marks {
		for i := range n[kind] {
			keys = append(keys, section+"/"+mark+strconv.Itoa(i+1))
		}
	}
	return keys
}

func readTable(t *testing.T) (rows []requirement, stored map[string]counts) {
	t.Helper()
	b, err := os.ReadFile("rfc6455.tsv")
	if err != nil {
		t.Fatal(err)
	}
	stored = make(map[string]counts)
	for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		f := strings.Split(line, "\t")
		switch {
		case f[0] == "#count" && len(f) == 5:
			var n counts
			for k := range n {
				if n[k], err = strconv.Atoi(f[2+k]); err != nil {
					t.Fatalf("line %d: %v", i+1, err)
				}
			}
			stored[f[1]] = n
		case strings.HasPrefix(line, "#"):
		case len(f) != 6:
			t.Fatalf("line %d: %d columns, want 6: %q", i+1, len(f), line)
		default:
			rows = append(rows, requirement{f[0], f[1], f[2], f[3], strings.Fields(f[4]), f[5], nil})
		}
	}
	return rows, stored
}

// Every requirement that the RFC has by the stored counts has one row, and
// every row is complete.
func TestEveryRequirementHasARow(t *testing.T) {
	rows, stored := readTable(t)
	have := make(map[string]bool)
	for _, r := range rows {
		if have[r.key] {
			t.Errorf("%s: two rows", r.key)
		}
		have[r.key] = true
		if r.text == "" || !slices.Contains(parties, r.binds) {
			t.Errorf("%s: no text, or it binds %q, who is none of %q", r.key, r.binds, parties)
		}
		if !slices.Contains(stored[r.section()].keys(r.section()), r.key) {
			t.Errorf("%s: the RFC has no such requirement", r.key)
			continue
		}
		mark := strings.TrimRight(r.key[len(r.section())+1:], "0123456789")
		if kind := kindOf(r.level); kind < 0 || marks[kind] != mark {
			t.Errorf("%s: the level can't be %q", r.key, r.level)
		}
	}
	for section, n := range stored {
		for _, key := range n.keys(section) {
			if !have[key] {
				t.Errorf("%s: no row", key)
			}
		}
	}
}

// Every row names a test that exists, or says why there can be none.
func TestEveryRequirementIsHeldByATest(t *testing.T) {
	rows, _ := readTable(t)
	packages := make(map[string]tests)
	for _, r := range rows {
		if len(r.tests) == 0 && !slices.ContainsFunc(reasons, func(w struct{ prefix, means string }) bool {
			return len(r.note) > len(w.prefix) && strings.HasPrefix(r.note, w.prefix)
		}) {
			t.Errorf("%s: neither a test nor one of the reasons", r.key)
		}
		for _, name := range r.tests {
			path, test, ok := strings.Cut(name, ".")
			if !ok {
				t.Errorf("%s: %q is not package.Test", r.key, name)
				continue
			}
			pkg, ok := packages[path]
			if !ok {
				pkg = testsOf(t, path)
				packages[path] = pkg
			}
			top, subs, _ := strings.Cut(test, "/")
			if !pkg.funcs[top] {
				t.Errorf("%s: there is no %s in %s", r.key, top, path)
			}
			// Names of subtests are mostly put together when the test runs.
			// One that is named here has to stand in the file as it is.
			for sub := range strings.SplitSeq(subs, "/") {
				if sub != "" && !pkg.literals[strings.ReplaceAll(sub, "_", " ")] {
					t.Errorf("%s: no subtest of %s in %s is called %q", r.key, top, path, sub)
				}
			}
		}
	}
}

// tests are the functions Test, Fuzz and Example of a package, and the string
// literals in its test files.
type tests struct{ funcs, literals map[string]bool }

func testsOf(t *testing.T, path string) tests {
	t.Helper()
	dir := filepath.Join("..", filepath.FromSlash(path))
	if path == "pushwire" {
		dir = ".."
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := tests{make(map[string]bool), make(map[string]bool)}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && isTest.MatchString(n.Name.Name) {
					all.funcs[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					all.literals[s] = true
				}
			}
			return true
		})
	}
	return all
}

var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)(\P{Ll}|$)`)

// The stored counts are those of the RFC. Its text is not part of the
// repository.
func TestCountsAreThoseOfTheRFC(t *testing.T) {
	_, stored := readTable(t)
	text := rfcText(t)
	if text == "" {
		return
	}
	found := countRequirements(text)
	if len(found) == 0 {
		t.Fatal("no requirement was found; is it RFC 6455 as plain text?")
	}
	for section, n := range found {
		if stored[section] != n {
			t.Errorf("section %s has %d in the RFC, %d are stored", section, n, stored[section])
		}
	}
	for section, n := range stored {
		if _, ok := found[section]; !ok {
			t.Errorf("section %s has none in the RFC, %d are stored", section, n)
		}
	}
}

// rfcText returns the text of RFC 6455, empty where there is none.
func rfcText(t *testing.T) string {
	name := os.Getenv("PUSHWIRE_RFC6455")
	if name == "" {
		name = filepath.Join("..", "..", "shared", "specs", "rfc6455.txt")
		if _, err := os.Stat(name); err != nil {
			t.Log("the text of RFC 6455 is not here, so what is stored about it is believed (set PUSHWIRE_RFC6455 to a copy of rfc6455.txt to check it anew)")
			return ""
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	pageEdge = regexp.MustCompile(`^(Fette & Melnikov |RFC 6455 )`)
	heading  = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)*)\. +[A-Z"]`)
	keyword  = regexp.MustCompile(`(^|[^"\w])(MUST NOT|MUST|REQUIRED|SHALL NOT|SHALL|SHOULD NOT|SHOULD|NOT RECOMMENDED|RECOMMENDED|must not|must)\b`)
)

// kindOf tells which of counts a keyword belongs to, -1 for none.
func kindOf(level string) int {
	switch level {
	case "MUST", "MUST NOT", "REQUIRED", "SHALL", "SHALL NOT":
		return 0
	case "SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED":
		return 1
	case "must", "must not":
		return 2
	}
	return -1
}

// sectionsOf returns the words of each section, 1 to 11. Lines are joined,
// because "MUST NOT" may be broken over two; the edges of pages are left out.
func sectionsOf(text string) map[string]string {
	sections := make(map[string]*strings.Builder)
	section := ""
	for line := range strings.Lines(strings.ReplaceAll(text, "\f", "")) {
		line = strings.TrimRight(line, "\r\n")
		if pageEdge.MatchString(line) {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil { // the table of contents is indented
			section = m[1]
			if sections[section] == nil {
				sections[section] = new(strings.Builder)
			}
		}
		if top, _, _ := strings.Cut(section, "."); top != "" {
			if n, _ := strconv.Atoi(top); n >= 1 && n <= 11 {
				sections[section].WriteString(strings.TrimSpace(line) + " ")
			}
		}
	}
	words := make(map[string]string)
	for section, b := range sections {
		words[section] = strings.Join(strings.Fields(b.String()), " ")
	}
	return words
}

// countRequirements counts the keywords of each section. A keyword behind a
// quotation mark is spoken of, not used.
func countRequirements(text string) map[string]counts {
	found := make(map[string]counts)
	for section, words := range sectionsOf(text) {
		var n counts
		for _, m := range keyword.FindAllStringSubmatch(words, -1) {
			n[kindOf(m[2])]++
		}
		if n != (counts{}) {
			found[section] = n
		}
	}
	return found
}

func TestCountRequirements(t *testing.T) {
	got := countRequirements(`   1.  In the table of contents, which MUST not count
1.  First
   The word "MUST" is spoken of, "SHOULD NOT" too.  It MUST
   NOT break, MUSTARD is none.

Fette & Melnikov             Standards Track                    [Page 5]
` + "\f" + `
RFC 6455                 The WebSocket Protocol MUST           December 2011

   1.1.  is no heading here, but it SHOULD count
1.2.  Second
   SHALL, REQUIRED, must not
12.  Beyond
   MUST
`)
	want := map[string]counts{"1": {1, 1, 0}, "1.2": {2, 0, 1}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// RFC6455.md is what the table gives.
func TestRFC6455IsUpToDate(t *testing.T) {
	rows, _ := readTable(t)
	for _, q := range readQuotes(t) {
		i := slices.IndexFunc(rows, func(r requirement) bool { return r.key == q.key })
		if i < 0 {
			t.Fatalf("rfc6455-code.tsv: there is no requirement %s", q.key)
		}
		rows[i].code = append(rows[i].code, fmt.Sprintf("[%s](../%[1]s)", q.file))
	}
	want := render(rows)
	if *update {
		if err := os.WriteFile("RFC6455.md", want, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile("RFC6455.md"); err != nil || !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Errorf("docs/RFC6455.md is not what docs/rfc6455.tsv gives (go test ./docs -update writes it): %v", err)
	}
}

func render(rows []requirement) []byte {
	var b bytes.Buffer
	b.WriteString(`# RFC 6455, requirement by requirement

Made of [rfc6455.tsv](rfc6455.tsv) by ` + "`go test ./docs -update`" + `; the same test fails when a requirement of the RFC has no
row, or a row names a test that does not exist. A test that exists need not hold all that a row says: that is for people
to judge. "Obeyed in" names the file where a comment quotes these words of the RFC above the code that obeys them, as
[rfc6455-code.tsv](rfc6455-code.tsv) has it; that, too, is checked. The requirements are in our words; the RFC's count. Tests are named by package and function (` + "`pushwire`" + ` is the
root package).

`)
	var held, open [3]int
	byReason := make(map[string][3]int)
	for _, r := range rows {
		k := kindOf(r.level)
		if len(r.tests) > 0 {
			held[k]++
			continue
		}
		open[k]++
		for _, w := range reasons {
			if strings.HasPrefix(r.note, w.prefix) {
				n := byReason[w.prefix]
				n[k]++
				byReason[w.prefix] = n
			}
		}
	}
	b.WriteString("| | MUST, MUST NOT | SHOULD, SHOULD NOT | must in small letters |\n| --- | --: | --: | --: |\n")
	line := func(what string, n [3]int) { fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", what, n[0], n[1], n[2]) }
	line("held by tests", held)
	line("without a test", open)
	for _, w := range reasons {
		line(strings.TrimSuffix(w.prefix, ": ")+": "+w.means, byReason[w.prefix])
	}
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b requirement) int { return compareSections(a.section(), b.section()) })
	section := ""
	for _, r := range sorted {
		if s := r.section(); s != section {
			section = s
			fmt.Fprintf(&b, "\n## Section %s\n\n| key | level | binds | requirement | held by |\n| --- | --- | --- | --- | --- |\n", s)
		}
		var by []string
		for _, name := range r.tests {
			by = append(by, "`"+name+"`")
		}
		cell := strings.Join(by, ", ")
		if len(r.code) > 0 {
			cell += "; obeyed in " + strings.Join(r.code, ", ")
		}
		if r.note != "" {
			if cell != "" {
				cell += "; "
			}
			cell += r.note
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.key, r.level, r.binds, r.text, cell)
	}
	return b.Bytes()
}

// compareSections orders section numbers.
func compareSections(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	})
}
