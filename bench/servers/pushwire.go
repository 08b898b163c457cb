package servers

import (
	"context"
	"net"
	"net/http"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

const pushwireModule = "github.com/pushwire/pushwire"

var pushwireHandler = Candidate{
	Name:   "pushwire Handler",
	Module: pushwireModule,
	Note:   "net/http; Messages and Write",
	Ours:   true,
	Serve: func(l net.Listener) error {
		return http.Serve(l, pushwire.Handler(pushwireEcho, pushwireOptions()))
	},
	InMemory: pushwireInMemory,
}

var pushwireServe = Candidate{
	Name:   "pushwire Serve",
	Module: pushwireModule,
	Note:   "no net/http; Messages and Write",
	Ours:   true,
	Serve: func(l net.Listener) error {
		return pushwire.Serve(context.Background(), l, pushwireEcho, pushwireOptions())
	},
}

var pushwirePoller = Candidate{
	Name:   "pushwire Poller",
	Module: pushwireModule,
	Note:   "Serve, each connection handed to a Poller; Write",
	Ours:   true,
	Serve: func(l net.Listener) error {
		p := pushwire.NewPoller(nil)
		return pushwire.Serve(context.Background(), l, func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
			p.Add(c, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
				if err == nil {
					c.Write(ctx, m.Type, m.Data)
				}
			})
		}, pushwireOptions())
	},
}

// pushwireOptions are the defaults, but for the limit on connections, which is
// below the 19,000 of growth where a process may have 20,000 descriptors.
func pushwireOptions() *pushwire.AcceptOptions {
	return &pushwire.AcceptOptions{Gate: &pushwire.Gate{MaxConns: -1}}
}

func pushwireEcho(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func pushwireInMemory(nc *memory.Conn, mode Mode, n int, payload []byte) error {
	c := pushwire.NewConn(nc, frame.Server, nil)
	defer c.CloseNow()
	return pushwireLoop(c, mode, n, payload)
}

func pushwireLoop(c *pushwire.Conn, mode Mode, n int, payload []byte) error {
	ctx := context.Background()
	if mode == Write {
		for range n {
			if err := c.Write(ctx, frame.Binary, payload); err != nil {
				return err
			}
		}
		return nil
	}
	i := 0
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		if mode == Echo {
			if err := c.Write(ctx, m.Type, m.Data); err != nil {
				return err
			}
		}
		if i++; i == n {
			break
		}
	}
	return nil
}
