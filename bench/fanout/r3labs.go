//go:build linux

package fanout

import (
	"net"

	"github.com/r3labs/sse/v2"
)

// r3labsStream is the name that the client asks for.
const r3labsStream = "events"

var r3labs = Candidate{
	Name:    "r3labs/sse",
	Module:  "github.com/r3labs/sse/v2",
	Note:    "net/http; Publish, without replay: a channel and the handler's goroutine for each stream",
	chunked: true,
	late:    true,
	prefix:  "id: \n",
	serve: func(l net.Listener, opened func()) func([]byte) error {
		srv := sse.NewWithCallback(func(string, *sse.Subscriber) { opened() }, nil)
		srv.AutoReplay = false
		srv.CreateStream(r3labsStream)
		go serveHTTP(l, srv)
		return func(data []byte) error {
			srv.Publish(r3labsStream, &sse.Event{Data: data})
			return nil
		}
	},
}
