package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink  = regexp.MustCompile(`\]\(([^)]+)\)`)
	mdTests = regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)\\w+)`")
)

// What the documents point to in the repository is there, and so are the
// tests that they name.
func TestDocumentsPointToWhatIsThere(t *testing.T) {
	files, err := filepath.Glob("*.md")
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	packages := make(map[string]tests)
	for _, name := range append(files, filepath.Join("..", "CHANGELOG.md")) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mdLink.FindAllStringSubmatch(string(b), -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, m := range mdTests.FindAllStringSubmatch(string(b), -1) {
			if _, ok := packages[m[1]]; !ok {
				packages[m[1]] = testsOf(t, m[1])
			}
			if !packages[m[1]].funcs[m[2]] {
				t.Errorf("%s: there is no %s in %s", name, m[2], m[1])
			}
		}
	}
}
