// Package openings holds the servers' half of the opening handshake of each
// candidate, over a connection in memory: from the bytes of a browser's request
// to those of the answer, or from net/http's Request and ResponseWriter.
package openings
