package fuzz

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// targets finds the fuzz targets of the repository, as package/Name.
func targets(t *testing.T) map[string]bool {
	found := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				found[filepath.ToSlash(dir)+"/"+f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var row = regexp.MustCompile("^\\| `([a-z0-9/]+)` \\| `(Fuzz[A-Za-z0-9]*)` \\| ([^|]+) \\| ([0-9,]+) \\| ([^|]+) \\|$")

func TestTableNamesEveryTarget(t *testing.T) {
	file, err := os.Open("README.md")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := targets(t)
	if len(want) < 30 {
		t.Fatalf("only %d targets were found", len(want))
	}
	rows := make(map[string]bool)
	for s := bufio.NewScanner(file); s.Scan(); {
		m := row.FindStringSubmatch(s.Text())
		if m == nil {
			if strings.HasPrefix(s.Text(), "| `") {
				t.Errorf("not a row of the table: %s", s.Text())
			}
			continue
		}
		name := m[1] + "/" + m[2]
		if rows[name] {
			t.Errorf("%s is there twice", name)
		}
		rows[name] = true
		if !want[name] {
			t.Errorf("the table has %s, and the tree does not", name)
		}
	}
	for name := range want {
		if !rows[name] {
			t.Errorf("the table lacks %s", name)
		}
	}
}
