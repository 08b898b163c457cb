// Package fanout sends one event to many open event streams. Each candidate's
// server is a process of its own, and so is the client that holds the other
// ends of its streams: each has its own file descriptors, and the figures are
// of the server alone.
//
// The client reads after the server has written to all. It does so on another
// core, and waking it up is no part of what a server costs whose clients are
// elsewhere.
package fanout
