package main

import "slices"

// turns returns all in the order of a round, which begins one further on in
// each: what ran just before costs the next one up to a fifth (the same server
// measured first and last in a round differed by that much), so none may have
// the same place in all rounds.
func turns[T any](all []T, round int) []T {
	n := round % max(len(all), 1)
	return slices.Concat(all[n:], all[:n])
}
