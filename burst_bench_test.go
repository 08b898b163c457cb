package pushwire

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
)

// BenchmarkBurst echoes messages of 64 bytes that come sixteen in one read, all
// in memory: what the library does for a message, without system calls.
func BenchmarkBurst(b *testing.B) {
	const size, together = 64, 16
	var p []byte
	for range together {
		p = frame.AppendMessage(p, frame.Client, frame.Binary, 0, make([]byte, size))
	}
	c := NewConn(&burst{p: p, left: b.N/together + 1}, frame.Server, nil)
	defer c.CloseNow()
	ctx := context.Background()
	i := 0
	b.ReportAllocs()
	for m, err := range c.Messages(ctx) {
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Write(ctx, m.Type, m.Data); err != nil {
			b.Fatal(err)
		}
		if i++; i == b.N {
			break
		}
	}
}

// burst is a net.Conn whose peer sends p so many times.
type burst struct {
	net.Conn // nil: nothing else is called
	p, rest  []byte
	left     int
}

func (c *burst) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.p
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (*burst) Write(p []byte) (int, error)      { return len(p), nil }
func (*burst) Close() error                     { return nil }
func (*burst) SetDeadline(time.Time) error      { return nil }
func (*burst) SetReadDeadline(time.Time) error  { return nil }
func (*burst) SetWriteDeadline(time.Time) error { return nil }
