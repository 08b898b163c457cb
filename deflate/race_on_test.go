//go:build race

package deflate_test

// raceOn: loops of one goroutine have nothing for the race detector to find that
// a part of them does not show, and take ten times as long. ci/test.sh runs all
// of them without it, too.
const raceOn = true
