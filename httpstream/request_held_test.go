package httpstream_test

import (
	"context"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/held"
	"github.com/pushwire/pushwire/topic"
)

// reading is a source that can do nothing else, and so has a goroutine wait in
// Read for each client.
type reading struct{ log *topic.Log }

func (s reading) Read(ctx context.Context, after topic.Cursor, buf []topic.Item) ([]topic.Item, error) {
	return s.log.Read(ctx, after, buf)
}

// A connection that was taken over holds nothing of the request that it came
// with, however large that was: not its fields, nor its first line, of which the
// cursor is a part.
func TestRequestIsNotHeld(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const n, large = 50, 64 << 10
	var log topic.Log
	defer log.Close()
	head := string(log.Append("", []byte("x")))
	for name, src := range map[string]topic.Source{"woken": &log, "reading": reading{&log}} {
		for _, way := range []struct{ name, fields string }{
			{"event stream", "Accept: " + acceptEvents},
			{"WebSocket", socketFields},
		} {
			for _, k := range []struct{ name, target, fields string }{
				{"the path", "/" + strings.Repeat("p", large) + "?after=" + head, ""},
				{"a field", "/?after=" + head, "X: " + strings.Repeat("x", large) + "\r\n"},
				{"the path, and the other cursor", "/" + strings.Repeat("p", large) + "?lastEventId=" + head, ""},
			} {
				t.Run(name+"/"+way.name+"/"+k.name, func(t *testing.T) {
					var group httpstream.Group
					srv := httptest.NewServer(httpstream.Handler(src, &httpstream.Options{Group: &group}))
					defer srv.Close()
					a := &attacked{group: &group, addr: srv.Listener.Addr().String()}
					before := held.Bytes()
					conns := make([]net.Conn, n)
					for i := range conns {
						conns[i] = held.Attack(t, a.addr, "GET "+k.target+" HTTP/1.1\r\nHost: h\r\n"+way.fields+"\r\n"+k.fields+"\r\n")
						defer conns[i].Close()
					}
					a.left(t, n)
					held.Each(t, before, n, 24<<10)
					held.Reset(conns)
					a.left(t, 0)
				})
			}
		}
	}
}
