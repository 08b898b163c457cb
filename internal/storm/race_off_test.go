//go:build !race

package storm

const raceOn = false
