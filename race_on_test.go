//go:build race

package pushwire_test

// raceOn: the race detector makes sync.Pool forget at random, so that
// allocations can't be counted.
const raceOn = true
