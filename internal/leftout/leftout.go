// Package leftout skips tests so that a person hears of it.
//
// go test ./... swallows what a passing package prints, skips included. So a
// test that lacks a part says it twice: to the test log, for -v and for the
// reader of go test -json in ci/test.sh, and on the terminal, where there is
// one. A result that go test has cached says nothing again.
package leftout

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// terminal is where a person sits, if one does.
const terminal = "/dev/tty"

var said sync.Map // sentences that the terminal has seen

// Missing skips t, because a part that it needs is not there. In CI (CI=true)
// and with PUSHWIRE_REQUIRE=1, where nothing may be missing, it fails t.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("PUSHWIRE_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	Skip(t, format, args...)
}

// Skip skips t in any case, as -short asks for.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	sentence := fmt.Sprintf(format, args...)
	if _, again := said.LoadOrStore(sentence, true); !again {
		say(terminal, sentence)
	}
	t.Skip(sentence)
}

// say writes one line to the file at path, if it can.
func say(path, sentence string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "left out: %s\n", sentence)
}
