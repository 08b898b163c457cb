//go:build race

package mask

// raceOn: the race detector makes portable masking a hundred times slower.
const raceOn = true
