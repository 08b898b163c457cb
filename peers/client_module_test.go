package peers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leftout"
)

// clientFolder is the browser client's package.
const clientFolder = "../httpstream/client"

// moduleTime is what a run of the client's own tests may take.
const moduleTime = 3 * time.Minute

// runNode runs node in the client's folder and returns what it printed.
func runNode(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), moduleTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, node.need(t), args...)
	cmd.Dir = clientFolder
	cmd.WaitDelay = endTime
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = exit.Stderr
		}
		t.Fatalf("node %q: %v\n%s%s", args, err, out, stderr)
	}
	return out
}

// TestClientModule runs the client's tests that need no browser, with the
// readable module and with the minified one.
func TestClientModule(t *testing.T) {
	passed := regexp.MustCompile(`(?m)^# pass (\d+)$`)
	for _, module := range []string{"pushwire.js", "pushwire.min.js"} {
		t.Run(module, func(t *testing.T) {
			t.Parallel() // they wait most of their time
			files, err := filepath.Glob(filepath.Join(clientFolder, "test", "*.test.mjs"))
			if err != nil || len(files) < 5 {
				t.Fatalf("the tests are %q, %v", files, err)
			}
			args := []string{"--test", "--test-reporter=tap"}
			for _, f := range files {
				args = append(args, filepath.Join("test", filepath.Base(f)))
			}
			out := runNode(t, []string{"PUSHWIRE_CLIENT=../" + module}, args...)
			m := passed.FindSubmatch(out)
			if m == nil {
				t.Fatalf("node counted no tests:\n%s", out)
			}
			// More tests than files: a file without a test counts as one.
			if n, _ := strconv.Atoi(string(m[1])); n < 50 {
				t.Errorf("%s tests passed, there are more than 50", m[1])
			}
		})
	}
}

// modulesWith returns where the npm packages are, if that one is among them: an
// installation from before it was pinned has not got it.
func modulesWith(t *testing.T, name string) string {
	t.Helper()
	modules := nodeModules.need(t)
	if _, err := os.Stat(filepath.Join(modules, name)); err != nil {
		leftout.Missing(t, "what needs npm's %s, which is not installed: run ci/setup.sh", name)
	}
	return modules
}

// TestClientMinified makes the minified module anew.
func TestClientMinified(t *testing.T) {
	modules := modulesWith(t, "terser")
	got := runNode(t, []string{nodeModules.variable + "=" + modules}, "build.mjs", "--print")
	want, err := os.ReadFile(filepath.Join(clientFolder, "pushwire.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("pushwire.min.js is not made of pushwire.js: run node build.mjs in httpstream/client")
	}
}

// TestClientTypes compiles a program that uses all that the types describe, and
// one that uses it wrongly.
func TestClientTypes(t *testing.T) {
	tsc := filepath.Join(modulesWith(t, "typescript"), "typescript", "bin", "tsc")
	args := []string{tsc, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", "--types", ""}
	runNode(t, nil, append(args, "test/types.ts")...)
}
