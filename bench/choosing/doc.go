// Package choosing measures what a client of a topic costs on each transport
// of package httpstream, at several rates of messages: bytes on the wire,
// requests, time from publishing to arrival, processor time and memory of the
// server. docs/CHOOSING.md has the results.
//
// Every pair of transport and rate is a cell: a server process with topics of
// its own, and one client a topic. All cells run side by side, so that what
// disturbs one disturbs all, and rare messages need no more of anybody's time
// than many. Clients ask as Chromium does.
package choosing
