package pushwire_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
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

var sizes = []int{0, 1, 2, 125, 126, 127, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 16383, 16384, 16385, 18419, 18424, 18425, 18432, 65535, 65536, 65537, 200_000, 1 << 20}

func TestMessagesOfEverySizeArriveWholeBothWays(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		ctx := t.Context()
		go echo(ctx, p.server)
		for _, n := range sizes {
			want := noise(n)
			if err := p.client.Write(ctx, frame.Binary, want); err != nil {
				t.Fatalf("write of %d bytes: %v", n, err)
			}
			typ, got, err := p.client.Read(ctx)
			if err != nil || typ != frame.Binary || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes came back as %v of %d bytes, error %v", n, typ, len(got), err)
			}
		}
	})
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
