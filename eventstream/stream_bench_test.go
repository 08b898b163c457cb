package eventstream_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/eventstream"
)

// pairTCP is a connection on loopback whose far end is read and thrown away.
func pairTCP(b *testing.B) net.Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { near.Close(); far.Close() })
	go io.Copy(io.Discard, far)
	return near
}

// One event to one stream: the bare write of the same bytes is the measure of
// the other two.
func BenchmarkSend(b *testing.B) {
	ev := eventstream.Event{ID: "12345", Data: []byte(strings.Repeat("x", 300))}
	p, err := eventstream.Append(nil, ev)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		nc := pairTCP(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := nc.Write(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	stream := func(b *testing.B, o *eventstream.Options, fields http.Header) *eventstream.Stream {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = fields
		s, err := eventstream.AcceptConn(pairTCP(b), r, o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		return s
	}
	b.Run("SendRaw", func(b *testing.B) {
		s := stream(b, nil, nil)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.SendRaw(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Send", func(b *testing.B) {
		s := stream(b, nil, nil)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Send(ev); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gzip", func(b *testing.B) {
		s := stream(b, &eventstream.Options{Encodings: []eventstream.Encoding{eventstream.Gzip()}}, http.Header{"Accept-Encoding": {"gzip"}})
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Send(ev); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// One event to a thousand streams on loopback, against the bare writes: by a
// loop of one's own, and by the Group, which may use more than one CPU.
func BenchmarkFanOut(b *testing.B) {
	const n = 1000
	p, err := eventstream.Append(nil, eventstream.Event{ID: "12345", Data: []byte(strings.Repeat("x", 300))})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		var conns []net.Conn
		for range n {
			conns = append(conns, pairTCP(b))
		}
		for b.Loop() {
			for _, nc := range conns {
				if _, err := nc.Write(p); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("SendRaw", func(b *testing.B) {
		var streams []*eventstream.Stream
		for range n {
			s, err := eventstream.AcceptConn(pairTCP(b), httptest.NewRequest("GET", "/", nil), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Close() })
			streams = append(streams, s)
		}
		for b.Loop() {
			for _, s := range streams {
				if err := s.SendRaw(p); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("Group", func(b *testing.B) {
		var g eventstream.Group
		for range n {
			if _, err := eventstream.AcceptConn(pairTCP(b), httptest.NewRequest("GET", "/", nil), &eventstream.Options{Group: &g}); err != nil {
				b.Fatal(err)
			}
		}
		b.Cleanup(g.Shutdown)
		for b.Loop() {
			g.SendRaw(p)
		}
		if g.Len() != n {
			b.Fatalf("%d streams are left", g.Len())
		}
	})
}
