package eventstream_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

// hung is a server's connection on which the first write of a large piece hangs.
type hung struct {
	net.Conn
	release chan struct{} // closed when it may go on
	piece   chan []byte   // what it was then; nil once it was there
}

const largePiece = 8 << 10

func (h *hung) Write(p []byte) (int, error) {
	if len(p) >= largePiece && h.piece != nil {
		h.hang()
		h.piece <- bytes.Clone(p)
		h.piece = nil
	}
	return h.Conn.Write(p)
}

func (h *hung) hang() { <-h.release }

// waitHung waits until a goroutine is in hang. It looks at the stacks, since
// whatever the goroutine itself could tell would be an order of events to the race
// detector, which is to find out whether there is one.
func waitHung(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if n := runtime.Stack(stacks, true); bytes.Contains(stacks[:n], []byte("(*hung).hang(")) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no large piece was written")
		}
	}
}

// A stream of HTTP/2 that is reset while a frame of it is on its way: SendRaw
// returns, and what it was given is the caller's again. Whether net/http reads on
// is for the race detector to see, and on the wire.
func TestRefusedByHTTP2(t *testing.T) {
	event, err := eventstream.Append(nil, eventstream.Event{Data: []byte(strings.Repeat("x", 60<<10))})
	if err != nil {
		t.Fatal(err)
	}
	was := bytes.Clone(event)
	l := newMemListener()
	release, piece := make(chan struct{}), make(chan []byte, 1)
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	ended := make(chan error, 1)
	srv := &http.Server{Protocols: &p, Handler: eventstream.Handler(func(s *eventstream.Stream, _ *http.Request) {
		err := s.SendRaw(event)
		for i := range event {
			event[i] = '!'
		}
		ended <- err
	}, &eventstream.Options{WriteTimeout: -1, Heartbeat: -1})}
	served := make(chan struct{})
	go func() {
		srv.Serve(hungListener{l, release, piece})
		close(served)
	}()
	defer func() {
		srv.Close()
		l.Close()
		<-served
	}()
	nc, err := l.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	read := make(chan struct{})
	go func() {
		io.Copy(io.Discard, nc)
		close(read)
	}()
	// RFC 9113, 3.4: the preface and SETTINGS. 6.5.2: INITIAL_WINDOW_SIZE (4), here
	// of 1 MiB; 6.9: WINDOW_UPDATE, of the connection; 6.2: HEADERS of stream 1 with
	// END_STREAM and END_HEADERS, by RFC 7541, A: GET, http, /, and :authority.
	_, err = io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00"+"\x00\x04\x00\x10\x00\x00"+
		"\x00\x00\x04\x08\x00\x00\x00\x00\x00"+"\x00\x10\x00\x00"+
		"\x00\x00\x06\x01\x05\x00\x00\x00\x01"+"\x82\x86\x84\x41\x01h")
	if err != nil {
		t.Fatal(err)
	}
	waitHung(t)
	// 6.4: RST_STREAM with CANCEL (8).
	if _, err := io.WriteString(nc, "\x00\x00\x04\x03\x00\x00\x00\x00\x01"+"\x00\x00\x00\x08"); err != nil {
		t.Fatal(err)
	}
	var end *eventstream.EndError
	if err := <-ended; !errors.As(err, &end) || end.End != eventstream.EndGone {
		t.Errorf("SendRaw came to: %v", err)
	}
	close(release)
	const head = 9 // of a frame
	if b := <-piece; len(b) <= head || !bytes.HasPrefix(was, b[head:]) {
		t.Errorf("a frame of %d bytes was written, %.40q, which is no part of the event", len(b), b)
	}
	nc.Close()
	<-read
}

// hungListener is a listener whose connections are hung.
type hungListener struct {
	*memListener
	release chan struct{}
	piece   chan []byte
}

func (l hungListener) Accept() (net.Conn, error) {
	nc, err := l.memListener.Accept()
	if err == nil {
		nc = &hung{Conn: nc, release: l.release, piece: l.piece}
	}
	return nc, err
}
