//go:build !race

package pushwire_test

const raceOn = false
