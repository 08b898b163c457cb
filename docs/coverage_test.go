package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	coverFiles = regexp.MustCompile(`\]\(\.\./([a-z_0-9/]+\.go)\)`)
	coverFuncs = regexp.MustCompile("`([A-Za-z]\\w+)`")
)

// The functions that COVERAGE.md explains are in the files that it names.
func TestCoverageNamesFunctionsThatAreThere(t *testing.T) {
	b, err := os.ReadFile("COVERAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "| [") {
			continue
		}
		rows++
		where := strings.Split(line, " | ")[0]
		var code strings.Builder
		for _, m := range coverFiles.FindAllStringSubmatch(where, -1) {
			p, err := os.ReadFile(filepath.Join("..", m[1]))
			if err != nil {
				t.Error(err)
			}
			code.Write(p)
			if strings.Contains(where, "beside it") {
				beside, _ := filepath.Glob(filepath.Join("..", filepath.Dir(m[1]), "*.go"))
				for _, name := range beside {
					p, _ := os.ReadFile(name)
					code.Write(p)
				}
			}
		}
		for _, m := range coverFuncs.FindAllStringSubmatch(where, -1) {
			if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + m[1] + `\(`).MatchString(code.String()) {
				t.Errorf("there is no function %s in the files of: %s", m[1], where)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows", rows)
	}
}
