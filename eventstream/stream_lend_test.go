package eventstream

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/internal/held"
)

// scribble writes to p from end to end.
func scribble(p []byte) {
	for i := range p[:cap(p)] {
		p[:cap(p)][i] = '!'
	}
}

// scribbleOnLent does so with all memory that is lent next.
func scribbleOnLent() {
	for buf, ok := buffers.pool.Get().(*buffer); ok; buf, ok = buffers.pool.Get().(*buffer) {
		scribble(buf.b)
	}
}

// Memory that a write has failed with is lent to nobody else: a ResponseWriter
// that still reads it would send what is another client's.
func TestRefusedMemoryIsNotLentAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // a pool for each; all is to be found in one
	data := strings.Repeat("x", 1000)
	for name, send := range map[string]func(s *Stream) error{
		"Send":    func(s *Stream) error { return s.Send(Event{Data: []byte(data)}) },
		"Comment": func(s *Stream) error { return s.Comment(data) },
		"SendRaw": func(s *Stream) error {
			p, err := Append(nil, Event{Data: []byte(data)})
			if err != nil {
				return err
			}
			defer scribble(p) // it is the caller's again
			return s.SendRaw(p)
		},
		"pending": func(s *Stream) error { // of Group.SendRaw, while another one writes
			s.turn.Lock()
			for range 3 {
				s.claim([]byte(data))
			}
			s.leave()
			return s.ended()
		},
	} {
		for _, over := range []struct {
			proto  int
			coding string
		}{{1, ""}, {1, "gzip"}, {2, ""}, {2, "gzip"}} {
			if name == "SendRaw" && over.coding == "" {
				continue // what goes out is the caller's: see TestRefusedByHTTP2
			}
			t.Run(fmt.Sprintf("%s/HTTP%d/%s", name, over.proto, over.coding), func(t *testing.T) {
				for range 4 { // under the race detector a pool drops some
					r := httptest.NewRequest("GET", "/", nil)
					r.ProtoMajor = over.proto
					r.Header.Set("Accept-Encoding", over.coding)
					w := &held.Refuser{Takes: math.MaxInt}
					s, err := Accept(w, r, &Options{Encodings: []Encoding{Gzip()}})
					if err != nil {
						t.Fatal(err)
					}
					w.Takes = 0
					if err := send(s); !errors.Is(err, held.ErrRefused) || w.Held == nil {
						t.Fatalf("no write has failed: %v", err)
					}
					s.Close()
					scribbleOnLent()
					if !bytes.Equal(w.Held, w.Was) {
						t.Fatalf("what was refused, %.40q, was lent and overwritten: %.40q", w.Was, w.Held)
					}
				}
			})
		}
	}
}
