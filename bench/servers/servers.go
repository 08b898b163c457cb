// Package servers holds an echo server for each candidate, each written the
// way that its own documentation recommends for speed: messages in memory that
// is used again, no compression, messages up to 1 MiB.
package servers

import (
	"fmt"
	"net"
	"os/exec"
	"slices"

	"github.com/pushwire/pushwire/bench/memory"
)

// maxMessage is the limit that every candidate that has one is given, in bytes.
const maxMessage = 1 << 20

// Mode is what is done with a connection in memory.
type Mode int

const (
	Read  Mode = iota // n messages are read
	Write             // n messages are written
	Echo              // n messages are read and written back
)

func (m Mode) String() string { return [...]string{"read", "write", "read+write"}[m] }

// Candidate is one of those that are compared.
type Candidate struct {
	Name   string
	Module string // that it comes from, for its version
	Note   string // how it is used

	// Ours says that it is this module.
	Ours bool

	// Raw says that it echoes bytes and knows no frames: there is no opening
	// handshake.
	Raw bool

	// Serve echoes on all connections of l until l fails.
	Serve func(l net.Listener) error

	// InMemory handles n messages over nc; payload is what Write sends. nil
	// where it would be another candidate's.
	InMemory func(nc *memory.Conn, mode Mode, n int, payload []byte) error

	// Command starts a server that is not part of this program, in place of
	// Serve; it speaks the lines of package child. nil for all others.
	Command func() *exec.Cmd

	// Missing says what this machine lacks to run it, "" for nothing. nil
	// where all is part of this program.
	Missing func() string

	// Order does what the parent wants done while Serve runs. nil for nothing.
	Order func(order string) error
}

// All are the candidates in the order of the tables.
var All = []Candidate{
	pushwireCodec,
	pushwireHandler,
	pushwireServe,
	pushwirePoller,
	gorilla,
	coder,
	gwsHTTP,
	gwsServer,
	gobwas,
	nbioPoller,
	nbioBlocking,
	xnet,
	npmWS,
	fastwebsockets,
	tokioTungstenite,
	tokioTungstenite4,
	raw4K,
	raw64K,
	epollFrames,
	epollConns,
	epollDescriptors,
}

// Echoes reports whether the candidate is a server on this machine. why says
// what it lacks if it would be one elsewhere.
func (c *Candidate) Echoes() (ok bool, why string) {
	if c.Missing != nil {
		why = c.Missing()
	}
	return why == "" && (c.Serve != nil || c.Command != nil), why
}

// Find returns the candidate of a name.
func Find(name string) (Candidate, error) {
	for _, c := range All {
		if c.Name == name {
			return c, nil
		}
	}
	for _, c := range slices.Concat(Packing, Broadcasting, Securing) {
		if c.Name == name {
			return c.Candidate, nil
		}
	}
	return Candidate{}, fmt.Errorf("there is no candidate %q", name)
}
