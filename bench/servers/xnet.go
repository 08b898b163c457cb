package servers

import (
	"net"
	"net/http"

	"golang.org/x/net/websocket"
)

// xnet: io.Copy, which its documentation shows, makes frames of whatever a
// read returns; a codec keeps messages whole.
var xnet = Candidate{
	Name:   "x/net/websocket",
	Module: "golang.org/x/net",
	Note:   "net/http; Server without a check of Origin, Message.Receive and Send",
	Serve: func(l net.Listener) error {
		return http.Serve(l, websocket.Server{Handler: func(c *websocket.Conn) {
			c.MaxPayloadBytes = maxMessage
			var p []byte
			for websocket.Message.Receive(c, &p) == nil && websocket.Message.Send(c, p) == nil {
			}
		}})
	},
}
