package servers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/bench/load"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// Broadcasting are the servers that send a message to all their connections
// when they are told to, see BroadcastOrder.
var Broadcasting = []PackedCandidate{
	broadcastRaw(),
	broadcast(Plain, nil),
	broadcast(NoContext, &pushwire.Deflate{ServerNoContext: true, ClientNoContext: true}),
	broadcast(Context, &pushwire.Deflate{}),
	broadcast(Context15, &pushwire.Deflate{ServerBits: 15, ClientBits: 15}),
}

// BroadcastSize is that of a broadcast message, in bytes. BroadcastMessages
// returns the cycle of them.
const BroadcastSize = 512

var BroadcastMessages = sync.OnceValue(func() [][]byte { return load.Text(32, BroadcastSize) })

// broadcast is a group of connections behind net/http. Each message is prepared
// anew, as an application does it.
func broadcast(kept string, d *pushwire.Deflate) PackedCandidate {
	const row = "pushwire Group.Broadcast"
	c := packed(row, kept, nil)
	var g pushwire.Group
	c.Serve = func(l net.Listener) error {
		return http.Serve(l, pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
			if g.Add(c) != nil {
				return
			}
			for _, err := range c.Messages(ctx) {
				if err != nil {
					return
				}
			}
		}, packedOptions(d)))
	}
	c.Order = order(g.Len, func(p []byte) error {
		if _, dropped := g.Broadcast(pushwire.Prepare(frame.Text, p)); dropped > 0 {
			return fmt.Errorf("%d members did not take a message", dropped)
		}
		return nil
	})
	return c
}

// broadcastRaw writes the bytes of one frame to one connection after the other:
// the limit for what goes through a net.Conn.
func broadcastRaw() PackedCandidate {
	c := packed("write in a loop", Plain, nil)
	var mu sync.Mutex
	var conns []net.Conn
	c.Serve = func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			// The generator does not look at Sec-WebSocket-Accept.
			fmt.Fprint(nc, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
		}))
	}
	members := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(conns)
	}
	c.Order = order(members, func(p []byte) error {
		f := frame.AppendMessage(nil, frame.Server, frame.Text, 0, p)
		mu.Lock()
		defer mu.Unlock()
		for _, nc := range conns {
			if _, err := nc.Write(f); err != nil {
				return err
			}
		}
		return nil
	})
	return c
}

// order makes send what a line of the parent calls, once all connections that
// it speaks of are there.
func order(members func() int, send func(p []byte) error) func(string) error {
	return func(line string) error {
		var n, want int
		if _, err := fmt.Sscanf(line, broadcastOrder, &n, &want); err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		for members() != want { // the last ones have got their 101 and are not in the group yet
			time.Sleep(time.Millisecond)
		}
		all := BroadcastMessages()
		return send(all[n%len(all)])
	}
}

const broadcastOrder = "broadcast %d %d"

// BroadcastOrder is the line that has message n of the cycle sent to so many
// connections.
func BroadcastOrder(n, conns int) string { return fmt.Sprintf(broadcastOrder, n, conns) }
