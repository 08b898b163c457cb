package pushwire_test

import (
	"context"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
)

// newPoller returns a Poller that ends with the test.
func newPoller(t *testing.T, o *pushwire.PollerOptions) *pushwire.Poller {
	t.Helper()
	p := pushwire.NewPoller(o)
	t.Cleanup(func() {
		p.Close()
		for start := time.Now(); p.Len() > 0; time.Sleep(time.Millisecond) {
			if time.Since(start) > 10*time.Second {
				t.Fatalf("%d connections are left after Close", p.Len())
			}
		}
	})
	return p
}

func echoMessage(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
	if err == nil {
		c.Write(ctx, m.Type, m.Data)
	}
}

func TestPollerEchoes(t *testing.T) {
	run(t, allModes, nil, nil, func(t *testing.T, p pair) {
		poller := newPoller(t, nil)
		if err := poller.Add(p.server, echoMessage); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 125, 126, 1000, 70_000, 900_000} {
			want := noise(n)
			if err := p.client.Write(t.Context(), 2, want); err != nil {
				t.Fatal(err)
			}
			_, got, err := p.client.Read(t.Context())
			if err != nil || string(got) != string(want) {
				t.Fatalf("%d bytes came back for %d, %v", len(got), n, err)
			}
		}
		if err := p.client.Close(1000, ""); err != nil {
			t.Error(err)
		}
	})
}
