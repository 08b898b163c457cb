package pushwire_test

import (
	"context"
	"math/rand/v2"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// noise returns n bytes that differ from run to run of the pattern.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// echo answers each message with itself until the connection ends.
func echo(ctx context.Context, c *pushwire.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		if c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

// echoFunc answers every message until the connection ends.
func echoFunc(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
	echo(context.Background(), c)
}
