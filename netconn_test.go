package pushwire_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

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

// A deadline that passed in the middle of a message, and was then moved, is
// that of the next Read, which goes on where the message stopped.
func TestNetConnReadsOnUnderAMovedDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pushwire.Pipe(nil)
		defer c.CloseNow()
		defer s.CloseNow()
		n := pushwire.NetConn(s, frame.Binary)
		w, err := c.Writer(t.Context(), frame.Binary)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		for _, part := range []string{"one", "two", "three"} {
			n.SetReadDeadline(time.Now().Add(time.Second))
			w.Write([]byte(part))
			w.(interface{ Flush() error }).Flush()
			if k, err := n.Read(buf); err != nil || string(buf[:k]) != part {
				t.Fatalf("%q, %v; want %q", buf[:k], err, part)
			}
			time.Sleep(2 * time.Second)
			if _, err := n.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("after the deadline: %v", err)
			}
		}
		w.Close()
	})
}
