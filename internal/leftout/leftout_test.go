package leftout

import (
	"os"
	"path/filepath"
	"testing"
)

// log is a test of which only the outcome is wanted.
type log struct {
	testing.TB
	skipped, failed string
}

func (l *log) Helper()                        {}
func (l *log) Skip(args ...any)               { l.skipped = args[0].(string) }
func (l *log) Fatalf(format string, _ ...any) { l.failed = format }

func TestMissingSkipsForPeopleAndFailsInCI(t *testing.T) {
	for _, tt := range []struct {
		ci, require string
		fails       bool
	}{{"", "", false}, {"true", "", true}, {"", "1", true}, {"false", "0", false}} {
		t.Setenv("CI", tt.ci)
		t.Setenv("PUSHWIRE_REQUIRE", tt.require)
		var l log
		Missing(&l, "a sentence")
		// A failing Fatalf would not come back, so only failed counts there.
		if tt.fails != (l.failed != "") || !tt.fails && l.skipped != "a sentence" {
			t.Errorf("%+v: skipped %q, failed %q", tt, l.skipped, l.failed)
		}
	}
}

func TestSentenceReachesTheTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	say(path, "the suite")
	say(filepath.Join(path, "no such"), "nothing happens")
	if b, _ := os.ReadFile(path); string(b) != "left out: the suite\n" {
		t.Errorf("%q", b)
	}
}
