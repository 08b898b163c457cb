package pushwire_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pushwire/pushwire"

// ladder are the packages that others may depend on, from the lowest rung up
// (docs/ARCHITECTURE.md draws it). A package imports only those before it in
// the list. A new package gets its place here first.
var ladder = []string{
	"mask",
	"frame",
	"handshake",
	"deflate",
	"", // the root package
	"eventstream",
	"topic",
	"topic/enginetest", // for the tests of those who write engines
	"httpstream",
	"webpush",
	"webpush/pushservice",
	"webpush/webpushtest",
}

// tops stand above the ladder: programs, and folders that hold tests. Nobody
// imports them; they may import any rung.
var tops = []string{"cmd/", "autobahn", "peers", "docs", "fuzz", "ci/"}

// foundations are the internal packages that the library itself stands on. All
// others are for tests.
var foundations = []string{
	"internal/cpu",
	"internal/memconn", // which Pipe connects its ends with
	"internal/sockio",
	"internal/utf8scan",
}

// rung is the place of a package of the module; ok is false for one that has
// none.
func rung(pkg string) (n int, ok bool) {
	for _, top := range tops {
		if pkg == strings.TrimSuffix(top, "/") || strings.HasPrefix(pkg, strings.TrimSuffix(top, "/")+"/") {
			return len(ladder), true
		}
	}
	n = slices.Index(ladder, pkg)
	return n, n >= 0
}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out := goTool(t, "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	var all []listed
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func goCommand(args ...string) *exec.Cmd { return exec.Command("go", args...) }

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := goCommand(args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// inModule returns the path of a package below the module.
func inModule(path string) (pkg string, ok bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func TestPackagesImportOnlyDownTheLadder(t *testing.T) {
	seen := 0
	for _, p := range listPackages(t) {
		pkg, _ := inModule(p.ImportPath)
		if strings.HasPrefix(pkg, "internal/") { // below the ladder: what tests use may know nothing of what they test
			for _, path := range p.Imports {
				if in, ok := inModule(path); ok && !strings.HasPrefix(in, "internal/") {
					t.Errorf("%s imports %q", pkg, in)
				}
			}
			continue
		}
		at, ok := rung(pkg)
		if !ok {
			t.Errorf("%s has no place on the ladder (ladder_test.go)", pkg)
			continue
		}
		seen++
		for _, path := range p.Imports {
			in, ok := inModule(path)
			if !ok {
				continue
			}
			if strings.HasPrefix(in, "internal/") {
				if !slices.Contains(foundations, in) {
					t.Errorf("%s imports %s, which is for tests", p.ImportPath, in)
				}
				continue
			}
			if to, ok := rung(in); !ok || to >= at && at < len(ladder) || to == len(ladder) {
				t.Errorf("%s imports %q, which is not below it", p.ImportPath, in)
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

// Who takes the library takes the standard library and x/net with it; tests
// have go-cmp besides.
func TestImportsFromElsewhere(t *testing.T) {
	for _, p := range listPackages(t) {
		pkg, _ := inModule(p.ImportPath)
		check := func(paths []string, allowed ...string) {
			for _, path := range paths {
				first, _, _ := strings.Cut(path, "/")
				if _, ours := inModule(path); ours || !strings.Contains(first, ".") {
					continue
				}
				if !slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(path, a) }) {
					t.Errorf("%s imports %s", p.ImportPath, path)
				}
			}
		}
		if pkg == "mask" || pkg == "frame" {
			check(p.Imports)
		} else {
			check(p.Imports, "golang.org/x/net/")
		}
		check(p.TestImports, "golang.org/x/net/", "github.com/google/go-cmp/")
		check(p.XTestImports, "golang.org/x/net/", "github.com/google/go-cmp/")
	}
}

func TestModuleRequiresNothingElse(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal([]byte(goTool(t, "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		switch {
		case r.Path == "golang.org/x/net" || r.Path == "github.com/google/go-cmp":
		case r.Indirect && strings.HasPrefix(r.Path, "golang.org/x/"): // what x/net needs
		default:
			t.Errorf("go.mod requires %s", r.Path)
		}
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
}

// Each package with tests looks for goroutines that they leave behind.
func TestEveryPackageLooksForLeaks(t *testing.T) {
	out := goTool(t, "list", "-e", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles", "./...")
	seen := 0
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var p struct {
			Dir, ImportPath           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		files := append(p.TestGoFiles, p.XTestGoFiles...)
		if len(files) == 0 {
			continue
		}
		seen++
		if !slices.ContainsFunc(files, func(name string) bool {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			return err == nil && (strings.Contains(string(b), "leaktest.Main(m)") || strings.Contains(string(b), "func TestMain(m *testing.M) { Main(m) }"))
		}) {
			t.Errorf("%s has no TestMain that calls leaktest.Main", p.ImportPath)
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages were looked at", seen)
	}
}
