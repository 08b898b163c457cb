//go:build !race

package mask

const raceOn = false
