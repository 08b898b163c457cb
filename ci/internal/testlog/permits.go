package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// permit is one line of ci/permitted-skips.txt: four columns, the last to the end of the line.
type permit struct {
	run  string // name of the run, a path.Match pattern
	pkg  string // import path or its end: "frame" is .../frame; "." is the root package
	test string // path.Match pattern for each part between slashes
	why  string
}

type permits []permit

func readPermits(file string) (permits, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := parsePermits(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

func parsePermits(text string) (list permits, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 5 { // a sentence has at least two words
			return nil, fmt.Errorf("line %d: want run, package, test and a sentence", n)
		}
		for _, pattern := range f[:3] {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("line %d: %q: %w", n, pattern, err)
			}
		}
		list = append(list, permit{f[0], f[1], f[2], strings.Join(f[3:], " ")})
	}
	return list, nil
}

// module is the import path of the root package.
const module = "github.com/pushwire/pushwire"

func (list permits) allow(run string, k key) bool {
	for _, p := range list {
		inRun, _ := path.Match(p.run, run)
		inTest, _ := path.Match(p.test, k.test)
		if inRun && inTest && (k.pkg == path.Join(module, p.pkg) || k.pkg == p.pkg) {
			return true
		}
	}
	return false
}
