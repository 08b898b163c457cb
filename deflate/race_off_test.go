//go:build !race

package deflate_test

const raceOn = false
