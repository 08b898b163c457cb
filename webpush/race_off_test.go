//go:build !race

package webpush

const raceOn = false
