package leaktest

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// Patience is how long goroutines get to come to their end after the last
// test. It is waited for only when one is left.
const Patience = 5 * time.Second

// firstPoll and lastPoll bound the pause between two looks, which doubles.
const (
	firstPoll = time.Millisecond
	lastPoll  = 100 * time.Millisecond
)

// Main runs the tests of m and exits with their code, or with 1 if they all
// passed but left goroutines. It is to be the last call of TestMain.
func Main(m *testing.M) {
	before := snapshot()
	code := m.Run()
	if code == 0 && !clean(os.Stderr, before, Patience) {
		code = 1
	}
	os.Exit(code)
}

// clean waits until no goroutine is left but those of before and the ignored
// ones. When patience ends first it writes the stacks of the others to w and
// returns false.
func clean(w io.Writer, before map[string]bool, patience time.Duration) bool {
	deadline := time.Now().Add(patience)
	pause := firstPoll
	for {
		left := leaked(stacks(), before)
		if len(left) == 0 {
			return true
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(w, "leaktest: the tests left %d goroutines behind (waited %v):\n", len(left), patience)
			for _, g := range left {
				fmt.Fprintf(w, "\n%s\n", g.text)
			}
			return false
		}
		time.Sleep(pause)
		pause = min(2*pause, lastPoll)
	}
}

// snapshot returns the identifiers of all goroutines that run now.
func snapshot() map[string]bool {
	ids := make(map[string]bool)
	for _, g := range stacks() {
		ids[g.id] = true
	}
	return ids
}
