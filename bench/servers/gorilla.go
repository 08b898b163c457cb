package servers

import (
	"bytes"
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/pushwire/pushwire/bench/memory"
)

// gorilla reads through NextReader into a buffer that is used again:
// ReadMessage, which is shorter, makes a new slice for each message and grows
// it step by step.
var gorilla = Candidate{
	Name:   "gorilla/websocket",
	Module: "github.com/gorilla/websocket",
	Note:   "net/http; NextReader into a buffer used again, WriteMessage",
	Serve: func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c := gorillaUpgrade(w, r); c != nil {
				defer c.Close()
				gorillaRead(c, -1, true)
			}
		}))
	},
	InMemory: func(nc *memory.Conn, mode Mode, n int, payload []byte) error {
		c := gorillaUpgrade(&memory.Hijack{Conn: nc}, memory.Request())
		defer c.Close()
		if mode != Write {
			return gorillaRead(c, n, mode == Echo)
		}
		for range n {
			if err := c.WriteMessage(websocket.BinaryMessage, payload); err != nil {
				return err
			}
		}
		return nil
	},
}

var gorillaUpgrader = websocket.Upgrader{} // buffer sizes 0: those of net/http are used on

func gorillaUpgrade(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	c, err := gorillaUpgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil
	}
	c.SetReadLimit(maxMessage)
	return c
}

// gorillaRead reads n messages, all when n is negative.
func gorillaRead(c *websocket.Conn, n int, echo bool) error {
	var buf bytes.Buffer
	for ; n != 0; n-- {
		t, r, err := c.NextReader()
		if err != nil {
			return err
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			return err
		}
		if echo {
			if err := c.WriteMessage(t, buf.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}
