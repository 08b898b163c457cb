package pushwire_test

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

func TestNetConnIsANetConn(t *testing.T) {
	for _, m := range []mode{mem, tcp} {
		for _, typ := range []pushwire.Type{frame.Binary, frame.Text} {
			if typ == frame.Text {
				continue // the suite sends bytes that are no text
			}
			t.Run(string(m)+"/"+typ.String(), func(t *testing.T) {
				nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
					p := connect(t, m, nil, nil)
					c1 = pushwire.NetConn(p.client, typ)
					c2 = pushwire.NetConn(p.server, typ)
					return c1, c2, func() { c1.Close(); c2.Close() }, nil
				})
			})
		}
	}
}
