//go:build linux

package fanout

import (
	"fmt"
	"net"

	"github.com/pushwire/pushwire/eventstream"
)

// Candidate is one of those that are compared.
type Candidate struct {
	Name   string
	Module string // that it comes from, for its version
	Note   string // how it is used

	// chunked says that net/http answers, which makes a chunk of what is
	// written between two flushes.
	chunked bool
	// late says that the events may still be on their way when publish has
	// returned.
	late bool
	// prefix is what this candidate writes in front of the data line.
	prefix string
	// serve makes a stream of each connection of l and calls opened for each
	// that publish will send to.
	serve func(l net.Listener, opened func()) (publish func(data []byte) error)
}

// Bare is the candidate that the others are compared with.
const Bare = "bare write"

// All are the candidates in the order of the tables.
var All = []Candidate{
	pushwireRaw,
	pushwireSend,
	pushwireHandler,
	tmaxmax,
	r3labs,
	plainHTTP,
	bare,
}

func find(name string) (Candidate, error) {
	for _, c := range All {
		if c.Name == name {
			return c, nil
		}
	}
	return Candidate{}, fmt.Errorf("there is no candidate %q", name)
}

// eventData returns the data of an event of size bytes. Each number makes
// another one.
func eventData(number, size int) []byte {
	b := fmt.Appendf(nil, "%08d ", number)
	for n := size - len("data: \n\n"); len(b) < n; {
		b = append(b, 'a'+byte((len(b)+number)%26))
	}
	return b
}

// encode returns the event as our package writes it.
func encode(data []byte) ([]byte, error) {
	return eventstream.Append(nil, eventstream.Event{Data: data})
}

// wire returns the bytes that must arrive for an event.
func (c *Candidate) wire(data []byte) []byte {
	return c.chunk(c.prefix + "data: " + string(data) + "\n\n")
}

// silence returns the bytes that may arrive between events: our heartbeat.
func (c *Candidate) silence() []byte { return c.chunk(":\n") }

func (c *Candidate) chunk(text string) []byte {
	if c.chunked {
		return fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text)
	}
	return []byte(text)
}
