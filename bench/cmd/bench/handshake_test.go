//go:build linux

package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"testing"

	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/bench/openings"
)

// recorder keeps what is written.
type recorder struct {
	*memory.Conn
	out bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) { return r.out.Write(p) }

// TestOpenings: each candidate answers the request as RFC 6455 has it, and
// chooses the subprotocol.
func TestOpenings(t *testing.T) {
	for _, c := range openings.All {
		nc := &recorder{Conn: memory.New([]byte(openings.Request), 1)}
		answer, err := c.Open(nc)
		if err == nil {
			err = answer()
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		res, err := http.ReadResponse(bufio.NewReader(&nc.out), nil)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != openings.Accept ||
			res.Header.Get("Sec-WebSocket-Protocol") != "chat" || res.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("%s: %s %v", c.Name, res.Status, res.Header)
		}
		res.Body.Close()
	}
}

var _ net.Conn = (*recorder)(nil)
