// Package streams reads and writes event streams with each candidate, the way
// that its own documentation shows, with events up to 2 MiB.
package streams

import (
	"fmt"
	"strings"
)

// maxEvent is the limit that every candidate that has one is given, in bytes.
const maxEvent = 2 << 20

// Candidate is one of those that are compared.
type Candidate struct {
	Name string
	Note string // how it is used, and what it leaves out

	// Decode reads n events from a source and returns how many bytes of data
	// they had. nil where there is nothing to call.
	Decode func(s *Source, n int) (data int, err error)

	// Encode writes an event with this data n times, to memory, and returns
	// how many bytes that were. nil where there is nothing to call.
	Encode func(data []byte, n int) (written int, err error)
}

// All are the candidates in the order of the tables.
var All = []Candidate{
	pushwire,
	tmaxmax,
	r3labs,
	launchdarkly,
	openai,
	scanner,
	limit,
}

// Limit is the name of the candidate that ratios refer to.
const Limit = "limit"

// Shape is a stream of events of one size.
type Shape struct {
	Name   string
	Stream []byte // of Events
	Events int
	Data   int // bytes in all of them
}

// Size is the bytes of an event on the wire.
func (s *Shape) Size() int { return len(s.Stream) / s.Events }

// Shapes are what is decoded.
var Shapes = []Shape{
	shape("68 B", 1000, func(i int) (string, string) { return fmt.Sprintf("id: %05d\n", i), Text(50) }),
	shape("342 B", 200, func(int) (string, string) { return "", token }),
	shape("64 KB in 1,024 lines", 1, func(int) (string, string) { return "", Lines(1024, 57) }),
	shape("1 MB in a line", 1, func(int) (string, string) { return "", Text(1_000_000) }),
}

// token is an event of a streaming API, 334 bytes of JSON.
var token = `{"id":"completion-1","object":"chunk","choices":[{"index":0,"delta":{"content":"` + Text(249) + `"}}]}`

func shape(name string, events int, event func(i int) (head, data string)) Shape {
	var b strings.Builder
	size := 0
	for i := range events {
		head, data := event(i)
		b.WriteString(head)
		for line := range strings.SplitSeq(data, "\n") {
			b.WriteString("data: " + line + "\n")
		}
		b.WriteString("\n")
		size += len(data)
	}
	return Shape{Name: name, Stream: []byte(b.String()), Events: events, Data: size}
}

// Text is n bytes of ASCII.
func Text(n int) string {
	return strings.Repeat("All work and no play makes a dull stream. ", n/42+1)[:n]
}

// Lines is n lines of size bytes, with LF between them.
func Lines(n, size int) string {
	return strings.TrimSuffix(strings.Repeat(Text(size)+"\n", n), "\n")
}

// Payload is data to encode.
type Payload struct {
	Name string
	Data []byte
}

// Payloads are what is encoded.
var Payloads = []Payload{
	{"50 B", []byte(Text(50))},
	{"300 B", []byte(Text(300))},
	{"64 KB in 1,024 lines", []byte(Lines(1024, 63))},
}

// Source gives a stream again and again, as much a read as is asked for.
type Source struct {
	stream []byte
	at     int
}

// NewSource returns a Source at the beginning of a stream.
func NewSource(stream []byte) *Source { return &Source{stream: stream} }

func (s *Source) Read(p []byte) (int, error) {
	n := copy(p, s.stream[s.at:])
	if s.at += n; s.at == len(s.stream) {
		s.at = 0
	}
	return n, nil
}

// Close makes it the body of a response.
func (s *Source) Close() error { return nil }
