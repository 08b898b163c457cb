package pushwire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/memconn"
)

// holder is a net.Conn whose Write fails at last, and which goes on reading what
// it has refused, as connections through a multiplexer have been seen to do.
type holder struct {
	request io.Reader     // what Read gives, and then nothing
	done    chan struct{} // closed by Close
	late    chan struct{} // not nil: Write waits for a deadline in the past; closed by that
	broken  bool          // no write is taken any more, else all but the first are
	held    []byte        // the caller's memory
	was     []byte        // what it was when Write returned
	wrote   chan struct{} // a value for each write that was taken
}

var errRefused = errors.New("the connection is broken")

func newHolder(request string) *holder {
	return &holder{request: bytes.NewReader([]byte(request)), done: make(chan struct{}), broken: true, wrote: make(chan struct{}, 100)}
}

func (h *holder) Read(p []byte) (int, error) {
	if n, err := h.request.Read(p); err == nil {
		return n, nil
	}
	<-h.done
	return 0, net.ErrClosed
}

func (h *holder) Write(p []byte) (int, error) {
	if h.held != nil && !h.broken {
		h.wrote <- struct{}{}
		return len(p), nil
	}
	err := errRefused
	if h.late != nil && h.held == nil {
		<-h.late
		err = os.ErrDeadlineExceeded
	}
	if h.held == nil {
		h.held, h.was = p, bytes.Clone(p)
	}
	return 0, err
}

func (h *holder) Close() error {
	select {
	case <-h.done:
	default:
		close(h.done)
	}
	return nil
}

func (h *holder) SetWriteDeadline(t time.Time) error {
	if t.Equal(past) && h.late != nil {
		close(h.late)
	}
	return nil
}

func (h *holder) LocalAddr() net.Addr             { return memconn.Addr("here") }
func (h *holder) RemoteAddr() net.Addr            { return memconn.Addr("there") }
func (h *holder) SetDeadline(time.Time) error     { return nil }
func (h *holder) SetReadDeadline(time.Time) error { return nil }

// scribbleOnLent has all memory that is lent next written to from end to end.
func scribbleOnLent() {
	scribble := func(b *buffer) {
		p := b.b[:cap(b.b)]
		for i := range p {
			p[i] = '!'
		}
	}
	for _, pool := range []*bufferPool{&readBuffers, &idleBuffers, &writeBuffers, &pileBuffers, &chunkBuffers, &largeBuffers} {
		for b, ok := pool.pool.Get().(*buffer); ok; b, ok = pool.pool.Get().(*buffer) {
			scribble(b)
		}
	}
	for range 10 { // more than there are connections here
		if o := outgoings.Get().(*outgoing); o.spare != nil {
			scribble(o.spare)
		}
	}
}

// Memory that a write has failed with, or was interrupted in, is lent to no other
// connection: a net.Conn that still reads it would send what is another one's.
func TestRefusedMemoryIsNotLentAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // a pool for each; all is to be found in one
	half := make([]byte, 300<<10)                   // deflate makes half of it
	for i := range half {
		half[i] = "0123456789abcdef"[rand.IntN(16)]
	}
	packed := &Config{Deflate: &Deflate{}}
	ctx := context.Background()
	for _, tt := range []struct {
		name string
		cfg  *Config
		send func(c *Conn) error
	}{
		{"a short message", nil, func(c *Conn) error { return c.Write(ctx, frame.Text, []byte("hello")) }},
		{"a long message", nil, func(c *Conn) error { return c.Write(ctx, frame.Text, half[:20<<10]) }},
		{"compressed", packed, func(c *Conn) error { return c.Write(ctx, frame.Text, half) }},
		{"compressed without context", &Config{Deflate: &Deflate{ServerNoContext: true, ClientNoContext: true}}, func(c *Conn) error { return c.Write(ctx, frame.Text, half) }},
		{"a fragment", nil, func(c *Conn) error { return writePart(c, half[:20<<10]) }},
		{"a compressed fragment", packed, func(c *Conn) error { return writePart(c, half) }},
		{"prepared messages", nil, func(c *Conn) error {
			m := Prepare(frame.Text, []byte("hello"))
			_, err := c.WritePrepared(ctx, m, m, m)
			return err
		}},
		{"the queue", nil, func(c *Conn) error {
			err := c.Send(ctx, Prepare(frame.Text, []byte("hello")))
			for err == nil { // another goroutine writes
				time.Sleep(time.Millisecond)
				err = c.Write(ctx, frame.Text, nil)
			}
			return err
		}},
		{"a ping", nil, func(c *Conn) error { _, err := c.Ping(ctx); return err }},
	} {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			t.Run(tt.name+"/"+[]string{"server", "client"}[role], func(t *testing.T) {
				for range 4 { // under the race detector a pool drops some
					h := newHolder("")
					c := NewConn(h, role, tt.cfg)
					if err := tt.send(c); !errors.Is(err, errRefused) {
						t.Fatalf("the write came to: %v", err)
					}
					c.CloseNow()
					h.check(t)
				}
			})
		}
	}
	t.Run("the answer to a handshake", func(t *testing.T) {
		for range 4 {
			h := newHolder("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			if _, _, err := AcceptConn(ctx, h, nil); !errors.Is(err, errRefused) {
				t.Fatalf("the handshake came to: %v", err)
			}
			h.check(t)
		}
	})
	for _, tt := range []struct {
		name string
		send func(ctx context.Context, c *Conn) error
	}{
		{"a short message", func(ctx context.Context, c *Conn) error { return c.Write(ctx, frame.Text, []byte("hello")) }},
		{"a long message", func(ctx context.Context, c *Conn) error { return c.Write(ctx, frame.Text, half[:20<<10]) }},
		{"prepared messages", func(ctx context.Context, c *Conn) error {
			m := Prepare(frame.Text, []byte("hello"))
			_, err := c.WritePrepared(ctx, m, m, m)
			return err
		}},
	} {
		t.Run("interrupted/"+tt.name, func(t *testing.T) {
			for range 4 {
				h := newHolder("")
				h.late, h.broken = make(chan struct{}), false
				c := NewConn(h, frame.Client, nil)
				soon, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
				if err := tt.send(soon, c); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("the write came to: %v", err)
				}
				cancel()
				if err := c.Write(ctx, frame.Text, []byte("more")); err != nil { // behind what was left
					t.Fatal(err)
				}
				<-h.wrote
				c.CloseNow()
				h.check(t)
			}
		})
	}
}

func writePart(c *Conn, p []byte) error {
	w, err := c.Writer(context.Background(), frame.Text)
	if err == nil {
		_, err = w.Write(p)
	}
	return err
}

func (h *holder) check(t *testing.T) {
	t.Helper()
	if h.held == nil {
		t.Fatal("no write has failed")
	}
	scribbleOnLent()
	if !bytes.Equal(h.held, h.was) {
		t.Fatalf("what was refused, %.40q, was lent and overwritten: %.40q", h.was, h.held)
	}
}
