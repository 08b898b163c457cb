package servers

import (
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
	gorillaws "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/pushwire/pushwire"
)

// Contexts are what a server is told to keep between messages, and the cases of
// the tables.
const (
	Plain     = "plain"               // permessage-deflate is off
	NoContext = "no context takeover" // in neither direction
	Context   = "context takeover"    // in both; windows as the library has them by default
	Context15 = "takeover, 32 KiB"    // in both; the largest windows, where that is not the default
)

// PackedCandidate is a server with one way of compressing.
type PackedCandidate struct {
	Candidate        // whose name is unique
	Row       string // the library's name
	Context   string
}

// Packing are the candidates that compress, and the same without.
var Packing = []PackedCandidate{
	packed("pushwire Handler", Plain, handlerPacked(nil)),
	packed("pushwire Serve", Plain, servePacked(nil)),
	packed("gorilla/websocket", Plain, gorillaPacked(false)),
	packed("coder/websocket", Plain, coderPacked(websocket.CompressionDisabled)),
	packed("lxzan/gws Upgrader", Plain, gwsPacked(gws.PermessageDeflate{})),
	nodePacked(Plain),

	packed("pushwire Handler", NoContext, handlerPacked(&pushwire.Deflate{ServerNoContext: true, ClientNoContext: true})),
	packed("pushwire Serve", NoContext, servePacked(&pushwire.Deflate{ServerNoContext: true, ClientNoContext: true})),
	packed("gorilla/websocket", NoContext, gorillaPacked(true)),
	packed("coder/websocket", NoContext, coderPacked(websocket.CompressionNoContextTakeover)),
	packed("lxzan/gws Upgrader", NoContext, gwsPacked(gws.PermessageDeflate{Enabled: true})),
	nodePacked(NoContext),

	packed("pushwire Handler", Context, handlerPacked(&pushwire.Deflate{})),
	packed("pushwire Serve", Context, servePacked(&pushwire.Deflate{})),
	packed("coder/websocket", Context, coderPacked(websocket.CompressionContextTakeover)),
	packed("lxzan/gws Upgrader", Context, gwsPacked(gws.PermessageDeflate{Enabled: true, ServerContextTakeover: true, ClientContextTakeover: true})),
	nodePacked(Context),

	packed("pushwire Handler", Context15, handlerPacked(&pushwire.Deflate{ServerBits: 15, ClientBits: 15})),
	packed("pushwire Serve", Context15, servePacked(&pushwire.Deflate{ServerBits: 15, ClientBits: 15})),
	packed("lxzan/gws Upgrader", Context15, gwsPacked(gws.PermessageDeflate{Enabled: true,
		ServerContextTakeover: true, ClientContextTakeover: true, ServerMaxWindowBits: 15, ClientMaxWindowBits: 15})),
}

func packed(row, context string, serve func(net.Listener) error) PackedCandidate {
	return PackedCandidate{Candidate{Name: row + ", " + context, Serve: serve}, row, context}
}

func packedOptions(d *pushwire.Deflate) *pushwire.AcceptOptions {
	return &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: d}}
}

func handlerPacked(d *pushwire.Deflate) func(net.Listener) error {
	return func(l net.Listener) error {
		return http.Serve(l, pushwire.Handler(pushwireEcho, packedOptions(d)))
	}
}

func servePacked(d *pushwire.Deflate) func(net.Listener) error {
	return func(l net.Listener) error {
		return pushwire.Serve(context.Background(), l, pushwireEcho, packedOptions(d))
	}
}

// gorillaPacked: it compresses each message on its own; there is no other way.
// Its level is 1 by default.
func gorillaPacked(compress bool) func(net.Listener) error {
	u := gorillaws.Upgrader{EnableCompression: compress}
	return func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r, nil); err == nil {
				defer c.Close()
				c.SetReadLimit(maxMessage)
				gorillaRead(c, -1, true)
			}
		}))
	}
}

// coderPacked: the level is 1, and can't be chosen.
func coderPacked(mode websocket.CompressionMode) func(net.Listener) error {
	return func(l net.Listener) error {
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: mode}); err == nil {
				defer c.CloseNow()
				c.SetReadLimit(maxMessage)
				coderRead(c, -1, true)
			}
		}))
	}
}

// gwsPacked: the level is 1 by default.
func gwsPacked(d gws.PermessageDeflate) func(net.Listener) error {
	return func(l net.Listener) error {
		o := gwsOption()
		o.PermessageDeflate = d
		u := gws.NewUpgrader(&gwsHandler{echo: true}, o)
		return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := u.Upgrade(w, r); err == nil {
				go c.ReadLoop()
			}
		}))
	}
}
