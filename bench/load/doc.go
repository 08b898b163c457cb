// Package load is the load generator: many connections, one thread, frames
// that were encoded and masked beforehand, so that it costs the same whoever
// answers.
package load
