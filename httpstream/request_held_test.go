package httpstream_test

import (
	"context"
	"net"
	"net/http"
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
// cursor and the name of the topic are parts.
func TestRequestIsNotHeld(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const n, large = 50, 64 << 10
	var log topic.Log
	defer log.Close()
	var hub topic.Hub
	defer hub.Close()
	head := string(log.Append("", []byte("x")))
	for name, source := range map[string]func(*http.Request) topic.Source{
		"woken":   func(*http.Request) topic.Source { return &log },
		"reading": func(*http.Request) topic.Source { return reading{&log} },
		"by name": func(r *http.Request) topic.Source { return hub.Source(r.URL.Path) },
	} {
		for _, way := range []struct{ name, fields string }{
			{"event stream", "Accept: " + acceptEvents},
			{"WebSocket", socketFields},
		} {
			for _, k := range []struct{ name, target, fields string }{
				{"the path", "/" + strings.Repeat("p", large) + "?after=" + head, ""},
				{"a field", "/?after=" + head, "X: " + strings.Repeat("x", large) + "\r\n"},
				{"the path, and the other cursor", "/" + strings.Repeat("p", large) + "?lastEventId=" + head, ""},
				{"the host", "http://" + strings.Repeat("h", large) + "/", ""},
			} {
				if name == "by name" && k.name != "the host" {
					continue // there is none so long, or after that cursor
				}
				t.Run(name+"/"+way.name+"/"+k.name, func(t *testing.T) {
					var group httpstream.Group
					o := &httpstream.Options{Group: &group}
					srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						httpstream.Handler(source(r), o).ServeHTTP(w, r)
					}))
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
