package storm

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The storm again where the collector runs all the time, on one processor, and
// with many more threads than there are processors.
func TestFaultsUnderOtherRuntimes(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"GOGC=5", "GOMAXPROCS=1", "GOMAXPROCS=64"} {
		t.Run(env, func(t *testing.T) {
			cmd := exec.Command(exe, "-test.run=^TestFaults$", "-test.v", "-faults.for="+otherFor.String(), "-faults.conns=40")
			cmd.Env = append(os.Environ(), env)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: TestFaults") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
