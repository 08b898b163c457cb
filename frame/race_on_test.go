//go:build race

package frame

// raceOn: the race detector makes masking a hundred times slower.
const raceOn = true
