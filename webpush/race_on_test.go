//go:build race

package webpush

// raceOn: the race detector makes cryptography ten times slower.
const raceOn = true
