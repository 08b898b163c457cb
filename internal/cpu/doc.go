// Package cpu says which instructions beyond the least of its architecture
// the processor has, for those of our packages that have assembly. The
// standard library keeps what it knows of that to itself, and x/sys/cpu would
// be a requirement for everybody.
//
// arm64 is not here: NEON is part of it.
package cpu
