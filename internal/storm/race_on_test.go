//go:build race

package storm

// raceOn: the race detector makes sync.Pool forget at random, so that
// allocations can't be counted.
const raceOn = true
