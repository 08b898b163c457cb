//go:build !race

package fuzz

const raceOn = false
