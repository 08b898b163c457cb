package servers

import (
	"bytes"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"

	"github.com/pushwire/pushwire/bench/memory"
)

// coder reads through Reader into a buffer that is used again: Read, which is
// shorter, makes a new slice for each message.
var coder = Candidate{
	Name:   "coder/websocket",
	Module: "github.com/coder/websocket",
	Note:   "net/http; Reader into a buffer used again, Write",
	Serve: func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c := coderAccept(w, r); c != nil {
				defer c.CloseNow()
				coderRead(c, -1, true)
			}
		}))
	},
	InMemory: func(nc *memory.Conn, mode Mode, n int, payload []byte) error {
		c := coderAccept(&memory.Hijack{Conn: nc}, memory.Request())
		defer c.CloseNow()
		if mode != Write {
			return coderRead(c, n, mode == Echo)
		}
		for range n {
			if err := c.Write(context.Background(), websocket.MessageBinary, payload); err != nil {
				return err
			}
		}
		return nil
	},
}

func coderAccept(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return nil
	}
	c.SetReadLimit(maxMessage)
	return c
}

// coderRead reads n messages, all when n is negative.
func coderRead(c *websocket.Conn, n int, echo bool) error {
	ctx := context.Background()
	var buf bytes.Buffer
	for ; n != 0; n-- {
		t, r, err := c.Reader(ctx)
		if err != nil {
			return err
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			return err
		}
		if echo {
			if err := c.Write(ctx, t, buf.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}
