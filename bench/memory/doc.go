// Package memory holds a connection without a network, over which reading and
// writing of frames is measured.
package memory
