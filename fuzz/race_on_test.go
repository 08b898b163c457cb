//go:build race

package fuzz

// raceOn: sync.Pool forgets at random, so that allocations can't be bounded.
const raceOn = true
