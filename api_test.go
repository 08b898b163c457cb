package pushwire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateAPI = flag.Bool("update-api", false, "write api.txt anew")

// api.txt lists what the packages of the ladder export, a line each. A change
// of it is a change for those who build on the library: it is made on purpose,
// with `go test -run API . -update-api`, and stands in CHANGELOG.md.
func TestAPI(t *testing.T) {
	var got bytes.Buffer
	for _, pkg := range ladder {
		for _, line := range exported(t, pkg) {
			got.WriteString(line + "\n")
		}
	}
	if *updateAPI {
		if err := os.WriteFile("api.txt", got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("the exported surface is not that of api.txt; if that is wanted, run go test -run API . -update-api (-api.txt +code):\n%s", diff)
	}
}

// exported returns a line for each exported name of a package as it is built for
// linux/amd64, sorted.
func exported(t *testing.T, pkg string) []string {
	t.Helper()
	var listed struct {
		Dir     string
		GoFiles []string
	}
	cmd := goCommand("list", "-json=Dir,GoFiles", "./"+pkg)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &listed); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	name := strings.TrimSuffix("pkg "+strings.Trim("pushwire/"+pkg, "/"), "/")
	add := func(fset *token.FileSet, kind string, node any) {
		var b bytes.Buffer
		if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, fset, node); err != nil {
			t.Fatal(err)
		}
		lines[name+", "+kind+strings.Join(strings.Fields(b.String()), " ")] = true
	}
	for _, file := range listed.GoFiles {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(listed.Dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
					d.Body = nil
					add(fset, "", d)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addSpec(fset, d.Tok, spec, add)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(lines))
}

// addSpec adds the exported names of a declaration: types without what they do
// not export, a field and a method of an interface on a line of its own.
func addSpec(fset *token.FileSet, tok token.Token, spec ast.Spec, add func(*token.FileSet, string, any)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for i, n := range s.Names {
			if !n.IsExported() {
				continue
			}
			line := &ast.ValueSpec{Names: []*ast.Ident{n}, Type: s.Type}
			if tok == token.CONST && i < len(s.Values) {
				line.Values = s.Values[i : i+1]
			}
			add(fset, tok.String()+" ", line)
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		var fields *ast.FieldList
		kind := "type " + s.Name.Name
		switch v := s.Type.(type) {
		case *ast.StructType:
			fields, kind = v.Fields, kind+" struct"
		case *ast.InterfaceType:
			fields, kind = v.Methods, kind+" interface"
		default:
			add(fset, kind+" ", s.Type)
			return
		}
		add(fset, kind, &ast.Ident{})
		for _, f := range fields.List {
			if len(f.Names) == 0 {
				add(fset, kind+", embedded ", f.Type)
			}
			for _, n := range f.Names {
				if n.IsExported() {
					add(fset, kind+", "+n.Name+" ", f.Type)
				}
			}
		}
	}
}

// receiver is the name of the type of a method.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
